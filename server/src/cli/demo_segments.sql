-- The segments of `nave demo`: each with its name, what it is, and who is in it. A segment stands behind those that it
-- asks for.

-- came_back
-- Bought in the last 30 days, after half a year without
EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '30 days')
AND EXISTS (SELECT 1 FROM purchase e WHERE e.time < now() - INTERVAL '210 days')
AND NOT EXISTS (SELECT 1 FROM purchase e
                WHERE e.time < now() - INTERVAL '30 days' AND e.time >= now() - INTERVAL '210 days');

-- active
-- Bought something in the last 60 days
EXISTS (SELECT 1 FROM purchase e WHERE e.time >= now() - INTERVAL '60 days');

-- loyal
-- Bought three times or more in the last 180 days
(SELECT count(*) FROM purchase e WHERE e.time >= now() - INTERVAL '180 days') >= 3;

-- big_spenders
-- Spent more than 300 in the last year
(SELECT sum(e.dollar_value) FROM purchase e WHERE e.time >= now() - INTERVAL '365 days') > 300;

-- win_back
-- Was a good customer (five purchases or more) and is no longer active
(SELECT count(*) FROM purchase e) >= 5 AND NOT in_segment('active');
