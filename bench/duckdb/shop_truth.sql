-- What is true of the shop, folded from its files without Nave: the rows as they came, who they are about, what they
-- say.
-- `FILES` is the folder of the files, `RECEIVED` when the undated rows came. shop.py runs it in three parts: between
-- the first and the second it finds out which identifiers are one person, then it folds traits and fields.

CREATE MACRO number_of(no) AS trim(no);
CREATE MACRO mail_of(mail) AS lower(trim(mail));
CREATE MACRO at_of(t) AS CAST(t AS TIMESTAMPTZ);
CREATE MACRO set_of(list) AS list_sort(list_distinct(CAST(list AS VARCHAR[])));

CREATE TABLE crm_people AS
SELECT * FROM read_csv('FILES/crm_people.csv', all_varchar = true, allow_quoted_nulls = false)
UNION ALL
SELECT * REPLACE ('RECEIVED' AS changed)
FROM read_csv('FILES/crm_undated.csv', all_varchar = true, allow_quoted_nulls = false);

CREATE TABLE crm_tags AS SELECT json FROM read_ndjson_objects('FILES/crm_tags.ndjson');
CREATE TABLE web_signups AS SELECT json FROM read_ndjson_objects('FILES/web_signups.ndjson');
CREATE TABLE web_mixed AS SELECT json FROM read_ndjson_objects('FILES/web_mixed.ndjson');
CREATE TABLE web_stream AS SELECT json FROM read_ndjson_objects('FILES/web_stream.ndjson');
CREATE TABLE entities AS SELECT json FROM read_ndjson_objects('FILES/entities.ndjson');

-- A message id counts once: the same again is a duplicate, and another content under it is not believed.
CREATE TABLE web_purchases AS
WITH came AS (
    SELECT *, row_number() OVER () AS place
    FROM read_csv('FILES/web_purchases.csv', all_varchar = true, allow_quoted_nulls = false, parallel = false))
SELECT * EXCLUDE (place) FROM came
QUALIFY row_number() OVER (PARTITION BY order_no ORDER BY place) = 1
UNION ALL
SELECT * REPLACE ('RECEIVED' AS "at")
FROM read_csv('FILES/web_undated.csv', all_varchar = true, allow_quoted_nulls = false);

-- What was said of persons, each row with its identifiers; `plan_said` also where it was taken away.
CREATE TABLE said AS
SELECT number_of(no) AS no, mail_of(mail) AS mail, NULL::VARCHAR AS cookie, at_of(changed) AS moment, 'crm' AS source,
       country, city, "name", plan, plan IS NOT NULL AS plan_said, "zone", "address.zip",
       CAST(age AS BIGINT) AS age, CAST("select" AS BIGINT) AS "select", CAST(balance AS DECIMAL(12, 2)) AS balance,
       "balance.currency",
       CAST("größe" AS DECIMAL(12, 2)) AS "größe", CAST(score AS DOUBLE) AS score, CAST(vip AS BOOLEAN) AS vip,
       CAST(born AS DATE) AS born, at_of("last seen") AS "last seen"
FROM crm_people
UNION ALL BY NAME
SELECT number_of(json ->> '$.no') AS no, at_of(json ->> '$.at') AS moment, 'crm' AS source,
       json ->> '$.plan' AS plan, json_exists(json, '$.plan') AS plan_said,
       CAST(json ->> '$."opt in"' AS BOOLEAN) AS "opt in", json_exists(json, '$."opt in"') AS "opt in_said",
       json ->> '$.address.zip' AS "address.zip", set_of(json -> '$.tags') AS tags,
       set_of(json -> '$.interests') AS interests
FROM crm_tags
UNION ALL BY NAME
SELECT number_of(json ->> '$.no') AS no, mail_of(json ->> '$.mail') AS mail, json ->> '$.cookie' AS cookie,
       at_of(json ->> '$.at') AS moment, 'web' AS source, json ->> '$.country' AS country,
       json ->> '$.device' AS device,
       CAST(json ->> '$.visits' AS BIGINT) AS visits, CAST(json ->> '$.score' AS DOUBLE) AS score
FROM web_signups
UNION ALL BY NAME
SELECT number_of(json ->> '$.userId') AS no, mail_of(json ->> '$.identifiers.email[0]') AS mail,
       json ->> '$.anonymousId' AS cookie, at_of(json ->> '$.timestamp') AS moment, 'web' AS source,
       json ->> '$.traits.plan' AS plan, json_exists(json, '$.traits.plan') AS plan_said,
       CAST(json ->> '$.traits."opt in"' AS BOOLEAN) AS "opt in", json_exists(json,
       '$.traits."opt in"') AS "opt in_said",
       set_of(json -> '$.traits.tags') AS tags, CAST(json ->> '$.traits.visits' AS BIGINT) AS visits
FROM web_stream WHERE json ->> '$.type' = 'identify';

-- What persons did.
CREATE TABLE did_view AS
SELECT number_of(no) AS no, NULL::VARCHAR AS mail, cookie,
       CAST(epoch_ms(CAST("at" AS BIGINT)) AS TIMESTAMPTZ) AS moment,
       'web' AS source, NULL::VARCHAR AS message_id, page, campaign, product_id, CAST(seconds AS DOUBLE) AS seconds,
       CAST(depth AS BIGINT) AS depth, "Gerät", CAST("first" AS BOOLEAN) AS "first"
FROM read_csv('FILES/web_views.csv', all_varchar = true, allow_quoted_nulls = false);

CREATE TABLE did_purchase AS
SELECT number_of(no) AS no, mail_of(mail) AS mail, cookie, at_of("at") AS moment, 'web' AS source,
       order_no AS message_id,
       product_id, CAST(quantity AS BIGINT) AS quantity, CAST(price AS DECIMAL(12, 2)) AS price, "price.currency",
       CAST(discount AS DOUBLE) AS discount, campaign, CAST(gift AS BOOLEAN) AS gift,
       CAST(delivery AS DATE) AS delivery,
       note, "ship.city"
FROM web_purchases
UNION ALL BY NAME
SELECT number_of(no) AS no, strptime("at", '%d/%m/%Y %H:%M') AT TIME ZONE 'Europe/Paris' AS moment, 'crm' AS source,
       receipt AS message_id, product_id, CAST(quantity AS BIGINT) AS quantity, CAST(price AS DECIMAL(12, 2)) AS price,
       "price.currency", CAST(gift AS BOOLEAN) AS gift
FROM read_csv('FILES/crm_till.csv', all_varchar = true, allow_quoted_nulls = false)
UNION ALL BY NAME
SELECT number_of(json ->> '$.userId') AS no, mail_of(json ->> '$.identifiers.email[0]') AS mail,
       json ->> '$.anonymousId' AS cookie, at_of(json ->> '$.timestamp') AS moment, 'web' AS source,
       json ->> '$.messageId' AS message_id, json ->> '$.properties.product_id' AS product_id,
       CAST(json ->> '$.properties.quantity' AS BIGINT) AS quantity,
       CAST(json ->> '$.properties.price' AS DECIMAL(12, 2)) AS price,
       json ->> '$.properties."price.currency"' AS "price.currency", json ->> '$.properties.campaign' AS campaign,
       CAST(json ->> '$.properties.gift' AS BOOLEAN) AS gift
FROM web_stream WHERE json ->> '$.type' = 'track';

CREATE TABLE did_mixed AS
SELECT number_of(json ->> '$.no') AS no, mail_of(json ->> '$.mail') AS mail, json ->> '$.cookie' AS cookie,
       at_of(json ->> '$.at') AS moment, 'web' AS source, json ->> '$.key' AS message_id,
       json ->> '$.product_id' AS product_id, json
FROM web_mixed;

CREATE TABLE did_refund AS
SELECT * EXCLUDE (json), json ->> '$.reason' AS reason, CAST(json ->> '$.amount' AS DECIMAL(12, 2)) AS amount,
       json ->> '$.order' AS "order", coalesce(set_of(json -> '$.flags'), []) AS flags,
       CAST(json ->> '$.fee' AS DOUBLE) AS fee, json ->> '$.source' AS "properties.source"
FROM did_mixed WHERE json ->> '$.event' = 'refund';

CREATE TABLE "did_Wish List" AS
SELECT * EXCLUDE (json), CAST(json ->> '$.item.price' AS DECIMAL(12, 2)) AS "item.price",
       CAST(json ->> '$.priority' AS BIGINT) AS priority, coalesce(set_of(json -> '$.labels'), []) AS labels,
       at_of(json ->> '$."remind at"') AS "remind at"
FROM did_mixed WHERE json ->> '$.event' = 'Wish List';

-- What was said of things.
CREATE TABLE said_product AS
SELECT trim(json ->> '$.id') AS id, at_of(json ->> '$.timestamp') AS moment, 'crm' AS source,
       json -> '$.traits' AS traits
FROM entities WHERE json ->> '$.entity' = 'product';
CREATE TABLE said_currency_rate AS
SELECT trim(json ->> '$.id') AS id, at_of(json ->> '$.timestamp') AS moment, 'crm' AS source,
       json -> '$.traits' AS traits
FROM entities WHERE json ->> '$.entity' = 'currency_rate';
CREATE TABLE said_brand AS
SELECT trim(json ->> '$.id') AS id, at_of(json ->> '$.timestamp') AS moment, 'crm' AS source,
       json -> '$.traits' AS traits
FROM entities WHERE json ->> '$.entity' = 'brand';

-- The identifiers that were named together. A node is an identifier.
CREATE TABLE mentions AS
SELECT DISTINCT no, mail, cookie FROM (
    SELECT no, mail, cookie FROM said
    UNION ALL SELECT no, mail, cookie FROM did_view
    UNION ALL SELECT no, mail, cookie FROM did_purchase
    UNION ALL SELECT no, mail, cookie FROM did_mixed);
CREATE TABLE nodes AS
SELECT row_number() OVER (ORDER BY namespace, value) AS node, namespace, value FROM (
    SELECT DISTINCT 'user_id' AS namespace, no AS value FROM mentions WHERE no IS NOT NULL
    UNION ALL SELECT DISTINCT 'email', mail FROM mentions WHERE mail IS NOT NULL
    UNION ALL SELECT DISTINCT 'anonymous_id', cookie FROM mentions WHERE cookie IS NOT NULL);
CREATE TABLE numbered AS
SELECT u.node AS no, m.node AS mail, c.node AS cookie
FROM mentions
LEFT JOIN nodes u ON u.namespace = 'user_id' AND u.value = no
LEFT JOIN nodes m ON m.namespace = 'email' AND m.value = mail
LEFT JOIN nodes c ON c.namespace = 'anonymous_id' AND c.value = cookie;
CREATE TABLE edges AS
SELECT DISTINCT a, b FROM (
    SELECT no AS a, mail AS b FROM numbered UNION ALL SELECT no, cookie FROM numbered
    UNION ALL SELECT mail, cookie FROM numbered) WHERE a IS NOT NULL AND b IS NOT NULL;
