-- The stream by way of a broker: the same columns, other options.
CREATE TABLE topic (kind INT, offer ROW<lot_nr BIGINT, amount BIGINT, `at` TIMESTAMP(3)>, `at` AS offer.`at`,
  WATERMARK FOR `at` AS `at` - INTERVAL '4' SECOND)
WITH ('connector' = 'kafka', 'topic' = 'auctions', 'properties.bootstrap.servers' = '${BROKERS}',
  'properties.group.id' = 'weir', 'scan.startup.mode' = 'earliest-offset', 'sink.partitioner' = 'round-robin', 'format' = 'json');
INSERT INTO topic SELECT kind, offer FROM events;
