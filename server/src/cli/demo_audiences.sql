-- bought_lately
-- Recency: who bought something in the last 30 days?
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e
              WHERE e.profile_id = p.profile_id AND e.time >= now() - INTERVAL '30 days');

-- frequent
-- Frequency: who bought ten times or more?
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 10;

-- spent_1000
-- Money: who spent more than 1,000 dollars in all?
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 1000;

-- one_timers
-- Who bought once and never again?
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) = 1;

-- lapsed
-- Who was a good customer (five purchases or more) and has bought nothing for half a year?
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 5
  AND NOT EXISTS (SELECT 1 FROM purchase e
                  WHERE e.profile_id = p.profile_id AND e.time >= now() - INTERVAL '180 days');

-- january_cohort
-- Whose first purchase was in January 1997?
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id)
      < TIMESTAMPTZ '1997-02-01 00:00:00+00';

-- january_cohort_came_back
-- Who of these spent more than 100 dollars in that month, and came back in 1998?
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e
        WHERE e.profile_id = p.profile_id AND e.time < TIMESTAMPTZ '1997-02-01 00:00:00+00') > 100
  AND EXISTS (SELECT 1 FROM purchase e
              WHERE e.profile_id = p.profile_id AND e.time >= TIMESTAMPTZ '1998-01-01 00:00:00+00');

-- ever_above_200
-- Who ever paid more than 200 dollars at once?
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e
              WHERE e.profile_id = p.profile_id AND e.dollar_value > 200);

-- large_basket
-- Whose average purchase is above 75 dollars, over three purchases or more?
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 75
  AND (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 3;

-- growing
-- Who spent more in the last 180 days than in the 180 days before?
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e
        WHERE e.profile_id = p.profile_id AND e.time >= now() - INTERVAL '180 days')
    > (SELECT sum(e.dollar_value) FROM purchase e
        WHERE e.profile_id = p.profile_id AND e.time >= now() - INTERVAL '360 days'
          AND e.time < now() - INTERVAL '180 days');

-- one_disc_at_a_time
-- Who bought five times or more, and never more than one disc at a time?
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) = 1
  AND (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 5;

-- many_days
-- Who came on twelve different days or more?
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT e.time) FROM purchase e WHERE e.profile_id = p.profile_id) >= 12;
