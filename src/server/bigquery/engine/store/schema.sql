CREATE TABLE IF NOT EXISTS catalog_datasets (
    project TEXT NOT NULL,
    dataset TEXT NOT NULL,
    location TEXT NOT NULL,
    settings TEXT NOT NULL,
    etag TEXT NOT NULL,
    creation_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    PRIMARY KEY (project, dataset)
) WITHOUT ROWID, STRICT;

-- The rows of table `number` are in t<number>. Views and external tables have a number, too, but no rows.
CREATE TABLE IF NOT EXISTS catalog_tables (
    project TEXT NOT NULL,
    dataset TEXT NOT NULL,
    name TEXT NOT NULL,
    number INTEGER NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    fields TEXT NOT NULL,
    settings TEXT NOT NULL,
    expiration_ms INTEGER,
    etag TEXT NOT NULL,
    creation_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    column_bytes TEXT NOT NULL,
    PRIMARY KEY (project, dataset, name)
) WITHOUT ROWID, STRICT;

CREATE TABLE IF NOT EXISTS catalog_models (
    project TEXT NOT NULL,
    dataset TEXT NOT NULL,
    name TEXT NOT NULL,
    model_type TEXT NOT NULL,
    settings TEXT NOT NULL,
    expiration_ms INTEGER,
    etag TEXT NOT NULL,
    creation_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    features TEXT NOT NULL,
    labels TEXT NOT NULL,
    training_runs TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (project, dataset, name)
) WITHOUT ROWID, STRICT;

-- Numbers are never used twice, so that a reader of an old snapshot can't meet a new table under an old number.
CREATE TABLE IF NOT EXISTS catalog_numbers (last INTEGER NOT NULL) STRICT;
INSERT INTO catalog_numbers SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM catalog_numbers);
