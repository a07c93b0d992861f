-- One stream of three kinds of events, and a view of each kind. What stands in ${…} is filled in before parsing.
CREATE TABLE events (
  kind INT,
  someone ROW<nr BIGINT, full_name STRING, mail STRING, card STRING, town STRING, region STRING, `at` TIMESTAMP(3), note STRING>,
  lot ROW<nr BIGINT, title STRING, about VARCHAR, opening BIGINT, floor_price BIGINT, `at` TIMESTAMP(3), closes TIMESTAMP(3),
          owner_nr BIGINT, class BIGINT, note VARCHAR>,
  offer ROW<lot_nr BIGINT, who BIGINT, amount BIGINT, via VARCHAR, link VARCHAR, `at` TIMESTAMP(3), note VARCHAR>,
  `at` AS CASE WHEN kind = 0 THEN someone.`at` WHEN kind = 1 THEN lot.`at` ELSE offer.`at` END,
  WATERMARK FOR `at` AS `at` - INTERVAL '4' SECOND
) WITH ('connector' = 'nexmark', 'first-event.rate' = '${RATE}', 'events.num' = '${EVENTS}', 'bid.proportion' = '${BIDS}');

CREATE VIEW people AS
  SELECT someone.nr, someone.full_name, someone.mail, someone.card, someone.town, someone.region, `at`, someone.note
  FROM ${EVENTS_TABLE} WHERE kind = 0;
CREATE VIEW lots AS
  SELECT lot.nr, lot.title, lot.about, lot.opening, lot.floor_price, `at`, lot.closes, lot.owner_nr, lot.class, lot.note
  FROM ${EVENTS_TABLE} WHERE kind = 1;
CREATE VIEW offers AS
  SELECT offer.lot_nr, offer.who, offer.amount, offer.via, offer.link, `at`, offer.note
  FROM ${EVENTS_TABLE} WHERE kind = 2;
