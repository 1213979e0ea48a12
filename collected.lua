local t = setmetatable({}, {__gc = function() print("collected") end}) print("end")
