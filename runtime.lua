local function f() error("deep") end local function g() f() end g()
