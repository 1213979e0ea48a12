-- SPDX-License-Identifier: MIT
-- backoff(pause, first, longest) → the seconds to wait before the next try: `first` after the first failure (pause is
-- nil), and twice the pause before that after each further one, up to `longest`.
return function(pause, first, longest) return pause and math.min(longest, 2 * pause) or first end
