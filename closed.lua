local t <close> = setmetatable({}, {__close = function() print("closed") end}) os.exit(4, true)
