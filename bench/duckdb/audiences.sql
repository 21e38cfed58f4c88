-- everybody
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 1;

-- nobody
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) = 0;

-- bought once
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) = 1;

-- bought twice
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) = 2;

-- did not buy once
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) <> 1;

-- bought more than ten times
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) > 10;

-- bought at most three times
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) <= 3;

-- bought less than two times, the number on the left
SELECT count(*) FROM profiles p
WHERE 2 > (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id);

-- bought three to five times
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) BETWEEN 3 AND 5;

-- did not buy three to five times
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) NOT BETWEEN 3 AND 5;

-- bought a prime number of times
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) IN (2, 3, 5, 7, 11, 13);

-- bought neither once nor twice
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) NOT IN (1, 2);

-- bought a hundred times
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 100;

-- bought in the last 30 days
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '30 days');

-- bought in the last 90 days
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '90 days');

-- bought in the last 2 weeks
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '2 weeks');

-- bought in the last month
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time > now() - INTERVAL '1 month');

-- bought in the last year
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time > now() - INTERVAL '1 year');

-- bought in the last 720 hours
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '720 hours');

-- interval without quotes
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time >= now() - INTERVAL 45 DAY);

-- not for half a year
SELECT count(*) FROM profiles p
WHERE NOT EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '6 months');

-- lapsed: often before, never of late
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time < now() - INTERVAL '180 days') >= 3
  AND NOT EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '180 days');

-- last purchase before 1998
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.time) FROM purchase e
    WHERE e.profile_id = p.profile_id) < TIMESTAMPTZ '1998-01-01T00:00:00Z';

-- last purchase in June 1998
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) >= DATE '1998-06-01';

-- last purchase on the last day
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.time) FROM purchase e
    WHERE e.profile_id = p.profile_id) = TIMESTAMPTZ '1998-06-30 00:00:00+00';

-- last purchase on another day
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.time) FROM purchase e
    WHERE e.profile_id = p.profile_id) <> TIMESTAMPTZ '1998-06-30 00:00:00+00';

-- last purchase more than a year ago
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) < now() - INTERVAL '1 year';

-- last purchase 3 to 6 months ago
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.time) FROM purchase e WHERE e.profile_id = p.profile_id)
    BETWEEN now() - INTERVAL '6 months' AND now() - INTERVAL '3 months';

-- a window that ends before it begins
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time
    BETWEEN DATE '1998-02-01' AND DATE '1998-01-01');

-- bought in the future
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time > now());

-- first purchase in January 1997
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) < DATE '1997-02-01';

-- first purchase in February 1997
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) >= DATE '1997-02-01'
    AND (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) < DATE '1997-03-01';

-- first purchase in March 1997
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id)
    BETWEEN TIMESTAMPTZ '1997-03-01T00:00:00Z' AND TIMESTAMPTZ '1997-03-31T23:59:59.999999Z';

-- first purchase after March 1997
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) > DATE '1997-03-31';

-- first purchase on the first day
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) = DATE '1997-01-01';

-- January cohort that came back within the quarter
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) < DATE '1997-02-01'
  AND (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id AND e.time < DATE '1997-04-01') >= 2;

-- February cohort without a second purchase
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) BETWEEN DATE '1997-02-01'
    AND DATE '1997-02-28' AND (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) = 1;

-- March cohort that spent more than 100
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id) >= DATE '1997-03-01'
    AND (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 100;

-- spent more than 100
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 100;

-- spent more than 999.99
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 999.99;

-- spent exactly 11.77
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) = 11.77;

-- spent anything but 11.77
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) <> 11.77;

-- spent 50 to 60
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) BETWEEN 50 AND 60;

-- spent one of four sums
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e
    WHERE e.profile_id = p.profile_id) IN (11.77, 12.00, 14.96, 29.33);

-- spent nothing at all
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) = 0;

-- spent less than 15
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) < 15;

-- a decimal with many places
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) >= 29.3300001;

-- average above 40
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 40;

-- average of exactly 20
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) = 20;

-- average from 14.5 to 15.5
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) BETWEEN 14.5 AND 15.5;

-- cheapest above 30
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 30;

-- cheapest was free
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) = 0;

-- dearest above 200
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 200;

-- dearest below 10
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) < 10;

-- dearest between two prices
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) >= 75.50
    AND (SELECT max(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) < 99.95;

-- ever above 100
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.dollar_value > 100);

-- never above 20
SELECT count(*) FROM profiles p
WHERE NOT EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.dollar_value > 20);

-- ever exactly 12.99
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.dollar_value = 12.99);

-- ever one of three prices
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.dollar_value IN (9.99, 12.99, 14.99));

-- ever 10 to 11
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.dollar_value BETWEEN 10.00
    AND 11.00);

-- ever outside 10 to 50
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.dollar_value NOT BETWEEN 10
    AND 50);

-- ever something else than 14.99 and 12.99
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.dollar_value NOT IN (14.99, 12.99));

-- ever free
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.dollar_value = 0.00);

-- ten discs at once
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.number_of_cds >= 10);

-- more than fifty discs
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) > 50;

-- one disc in all
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) = 1;

-- two discs on average
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) = 2;

-- less than one and a half discs on average
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) < 1.5;

-- never a single disc
SELECT count(*) FROM profiles p
WHERE NOT EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.number_of_cds = 1);

-- largest order of three or four
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) IN (3, 4);

-- smallest order of two or more
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) >= 2;

-- three different prices
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) = 3;

-- always the same price, more than once
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) = 1
    AND (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) > 1;

-- bought on more than one day
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT e.time) FROM purchase e WHERE e.profile_id = p.profile_id) > 1;

-- two purchases on one day
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT e.time) FROM purchase e WHERE e.profile_id = p.profile_id)
    < (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id);

-- two different sizes of order
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id) = 2;

-- as many prices as purchases, five or more
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id)
    = (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id)
    AND (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 5;

-- every price is named
SELECT count(*) FROM profiles p
WHERE (SELECT count(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id)
    = (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id);

-- more money in 1998 than in 1997
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= DATE '1998-01-01')
    > (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time < DATE '1998-01-01');

-- more purchases in the last quarter than in the one before
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id AND e.time >= DATE '1998-04-01')
    > (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id AND e.time >= DATE '1998-01-01'
    AND e.time < DATE '1998-04-01');

-- dearest is the cheapest
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id)
    = (SELECT min(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id);

-- first day is not the last
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.time) FROM purchase e WHERE e.profile_id = p.profile_id)
    < (SELECT max(e.time) FROM purchase e WHERE e.profile_id = p.profile_id);

-- more discs than purchases
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id)
    > (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id);

-- at least a dollar a disc
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id)
    >= (SELECT sum(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id);

-- average of late above the average before
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '1 year')
    > (SELECT avg(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time < now() - INTERVAL '1 year');

-- at least as many large orders as small ones
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id AND e.number_of_cds >= 3)
    >= (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id AND e.number_of_cds < 3);

-- no purchase above 500, seen by min
SELECT count(*) FROM profiles p
WHERE (SELECT min(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.dollar_value > 500) IS NULL;

-- a purchase above 500, seen by max
SELECT count(*) FROM profiles p
WHERE (SELECT max(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.dollar_value > 500) IS NOT NULL;

-- sum of nothing is unknown, so is its comparison
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.dollar_value > 500) < 100;

-- and its negation is unknown too
SELECT count(*) FROM profiles p
WHERE NOT ((SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.dollar_value > 100) < 150);

-- average of nothing
SELECT count(*) FROM profiles p
WHERE (SELECT avg(e.number_of_cds) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time > now()) IS NULL AND (SELECT count(e.number_of_cds) FROM purchase e
    WHERE e.profile_id = p.profile_id AND e.time > now()) = 0;

-- unknown or true
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.number_of_cds > 20) > 1000 OR (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) = 4;

-- compared with NULL
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) = NULL;

-- often, dear and of late
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 5
    AND (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 200
  AND EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= now() - INTERVAL '60 days');

-- one way or the other
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) >= 20
    OR (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 500
    OR EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.number_of_cds > 15);

-- not one way and not the other
SELECT count(*) FROM profiles p
WHERE NOT ((SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) > 1
    OR (SELECT sum(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id) > 50);

-- not both
SELECT count(*) FROM profiles p
WHERE NOT ((SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id) > 1
    AND EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.dollar_value < 15));

-- a window of both ends, a price and a size
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= TIMESTAMPTZ '1997-11-15 00:00:00+00' AND e.time < TIMESTAMPTZ '1997-12-25 00:00:00+00'
    AND e.dollar_value > 25.00 AND e.number_of_cds <= 2);

-- a price or a size within one purchase
SELECT count(*) FROM profiles p
WHERE (SELECT count(*) FROM purchase e WHERE e.profile_id = p.profile_id AND (e.dollar_value > 60
    OR e.number_of_cds >= 5) AND NOT (e.dollar_value > 120)) >= 2;

-- in December and again in the spring
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time
    BETWEEN DATE '1997-12-01' AND DATE '1997-12-31')
  AND EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time
    BETWEEN DATE '1998-03-01' AND DATE '1998-05-31');

-- a month back from the end of March
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= TIMESTAMPTZ '1998-03-31T00:00:00Z' - INTERVAL '1 month'
    AND e.time <= TIMESTAMPTZ '1998-03-31T00:00:00Z');

-- another zone's midnight
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time = TIMESTAMPTZ '1997-07-01 02:00:00+02:00');

-- every month of a summer
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time >= DATE '1997-06-01'
    AND e.time < DATE '1997-07-01')
  AND EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time >= DATE '1997-07-01'
    AND e.time < DATE '1997-08-01')
  AND EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.time >= DATE '1997-08-01'
    AND e.time < DATE '1997-09-01');

-- money by disc, in cents
SELECT count(*) FROM profiles p
WHERE (SELECT sum(e.dollar_value * 100 - e.number_of_cds * 1500) FROM purchase e WHERE e.profile_id = p.profile_id) > 0;

-- a dear disc: a price a piece above 20
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.number_of_cds > 0
    AND e.dollar_value / e.number_of_cds > 20);

-- odd numbers of discs alone
SELECT count(*) FROM profiles p
WHERE NOT EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND e.number_of_cds % 2 = 0);

-- on three different weekdays
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT extract(dow FROM e.time)) FROM purchase e WHERE e.profile_id = p.profile_id) >= 3;

-- on a Sunday of December
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND extract(month FROM e.time) = 12
    AND extract(isodow FROM e.time) = 7);

-- in six different months
SELECT count(*) FROM profiles p
WHERE (SELECT count(DISTINCT date_trunc('month', e.time)) FROM purchase e WHERE e.profile_id = p.profile_id) >= 6;

-- in the first and in the last week of a year, as ISO counts them
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND extract(week FROM e.time) = 1)
  AND EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id AND extract(week FROM e.time) >= 52);

-- the last purchase in the first quarter of 1998
SELECT count(*) FROM profiles p
WHERE (SELECT date_trunc('quarter', e.time) FROM purchase e WHERE e.profile_id = p.profile_id
    ORDER BY e.time DESC, e.message_id DESC LIMIT 1) = DATE '1998-01-01';

-- more than a year between the first and the last purchase
SELECT count(*) FROM profiles p
WHERE (SELECT max(CAST(e.time AS DATE)) FROM purchase e WHERE e.profile_id = p.profile_id)
    - (SELECT min(CAST(e.time AS DATE)) FROM purchase e WHERE e.profile_id = p.profile_id) > 365;

-- nothing given away, or nothing at all this year
SELECT count(*) FROM profiles p
WHERE coalesce((SELECT min(e.dollar_value) FROM purchase e WHERE e.profile_id = p.profile_id
    AND e.time >= DATE '1998-01-01'), 1) > 0;

-- the day after, in Tokyo
SELECT count(*) FROM profiles p
WHERE EXISTS (SELECT 1 FROM purchase e WHERE e.profile_id = p.profile_id
    AND extract(hour FROM e.time AT TIME ZONE 'Asia/Tokyo') = 9
    AND CAST(e.time AT TIME ZONE 'America/New_York' AS DATE) = DATE '1997-07-03');
