-- A partitioned table of files; a dollar that is no variable.
CREATE TABLE kept (lot_nr BIGINT, who BIGINT, amount BIGINT, `at` TIMESTAMP(3), note VARCHAR, dt STRING, hm STRING)
PARTITIONED BY (dt, hm) WITH (
  'connector' = 'filesystem', 'path' = 'file://${HOME_DIR}/kept/${RUN}/', 'format' = 'csv',
  'sink.partition-commit.trigger' = 'partition-time', 'sink.partition-commit.delay' = '1 min',
  'sink.partition-commit.policy.kind' = 'success-file', 'partition.time-extractor.timestamp-pattern' = '$dt $hm:00',
  'sink.rolling-policy.rollover-interval' = '1min', 'sink.rolling-policy.check-interval' = '1min');
INSERT INTO kept
SELECT lot_nr, who, amount, `at`, note, DATE_FORMAT(`at`, 'yyyy-MM-dd'), DATE_FORMAT(`at`, 'HH:mm') FROM offers;
