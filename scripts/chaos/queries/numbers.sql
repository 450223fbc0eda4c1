-- @param x numeric
select :x as x
