error(setmetatable({}, {__tostring = function() return "told" end}))
