-- SPDX-License-Identifier: MIT
-- The metatables of queues on a broker. They are there from the start, because an object travels by
-- the name of its class; their methods are loaded when one is first used (broker/queue.lua, by
-- classes.complete).
local classes = {}

local function lazy_class(name)
  return {
    __name = name,
    __index = function(self, key)
      classes.complete()
      return getmetatable(self).__index[key]
    end,
  }
end

classes.Queue, classes.JoinableQueue = lazy_class("Queue"), lazy_class("JoinableQueue")

return classes
