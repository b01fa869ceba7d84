"""The tables of saved evidence, which other tools may open too."""

from gate.evidence.columns import SAVED
from gate.evidence.kept_scores import PAIR, SCORE

VERSION = 6
APPLICATION = 0x766D6576  # "vmev": by it SQLite, and whoever looks at its head, tells our files
TYPES = {"i": "integer", "f": "real"}  # of observations, by the kind of NumPy's type
SCORES = {SCORE: "scores", PAIR: "best scores"}  # the same of kept scores, by NumPy's type
HISTOGRAM_BINS = 100  # of equal width over [0, 1]; a score of 1 lies in the last
CHAMPION = "champion:"  # before the name of a split: the rows of the baseline

_ROWS = ", ".join(f'"{each.name}" {each.kind}' for each in SAVED)
TABLES = f"""
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE classes (label INTEGER PRIMARY KEY, name TEXT NOT NULL, critical INTEGER NOT NULL);
CREATE TABLE splits (
    split TEXT PRIMARY KEY, path TEXT NOT NULL, format TEXT NOT NULL, images INTEGER NOT NULL,
    manifest_sha256 TEXT NOT NULL, group_column TEXT, slice_columns TEXT NOT NULL,
    hidden TEXT NOT NULL  -- files that are hidden, and images all the same
);
CREATE TABLE rows (
    split TEXT NOT NULL, position INTEGER NOT NULL, {_ROWS}, slices TEXT,
    PRIMARY KEY (split, position)
) WITHOUT ROWID;
CREATE TABLE measurements (
    key TEXT NOT NULL, split TEXT NOT NULL, facts TEXT NOT NULL, summary TEXT NOT NULL,
    PRIMARY KEY (key, split)
) WITHOUT ROWID;
CREATE TABLE observed_columns (  -- of the measurements
    number INTEGER PRIMARY KEY, measurement TEXT NOT NULL, split TEXT NOT NULL, name TEXT NOT NULL,
    type TEXT NOT NULL,  -- integer, real, scores or best scores
    images INTEGER NOT NULL  -- on which something was observed
);
CREATE TABLE observations (  -- a row for each image on which something was observed
    number INTEGER NOT NULL,  -- of the column
    position INTEGER NOT NULL,
    -- INTEGER, or REAL; of scores a BLOB, little-endian: a float32 for each class, or, of the best,
    -- pairs of an int32, the label of the class, and a float32, the highest first.
    value,
    PRIMARY KEY (number, position)
) WITHOUT ROWID;
CREATE TABLE histograms (
    split TEXT NOT NULL, class TEXT NOT NULL, bin INTEGER NOT NULL, positives INTEGER NOT NULL,
    negatives INTEGER NOT NULL, PRIMARY KEY (split, class, bin)
) WITHOUT ROWID;
CREATE TABLE unreadable (
    split TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE overlaps (
    split_a TEXT NOT NULL, split_b TEXT NOT NULL, compared TEXT NOT NULL,
    featureless INTEGER NOT NULL, images_a INTEGER NOT NULL, images_b INTEGER NOT NULL,
    exact_pairs INTEGER NOT NULL, identical INTEGER NOT NULL,
    turned INTEGER NOT NULL,  -- 1: copies that were turned, moved or cropped were looked for
    look_alikes INTEGER NOT NULL  -- images of b like so many of a that no copy can be told
);
CREATE TABLE pairs (
    a TEXT NOT NULL, b TEXT NOT NULL, split_a TEXT NOT NULL, split_b TEXT NOT NULL,
    label_a TEXT NOT NULL, label_b TEXT NOT NULL, kind TEXT NOT NULL, distance REAL,
    orientation TEXT,
    alignment TEXT,  -- JSON: two rows of three numbers, and whether dark is bright
    review INTEGER NOT NULL  -- 1: perhaps a copy, for people to look at
);
CREATE TABLE pictures (
    split TEXT NOT NULL, id TEXT NOT NULL,
    view TEXT NOT NULL,  -- '': the image itself; 'mean': that of a sample, with no id
    png BLOB NOT NULL,
    PRIMARY KEY (split, id, view)
) WITHOUT ROWID;
CREATE VIEW predictions AS
    SELECT split, id, truth.name AS label, guess.name AS prediction, confidence, margin, true_score
    FROM rows
    LEFT JOIN classes AS truth ON truth.label = rows.label
    JOIN classes AS guess ON guess.label = rows.prediction;
CREATE VIEW observed AS
    SELECT measurement, observed_columns.split, name, id, value
    FROM observed_columns
    JOIN observations USING (number)
    JOIN rows ON rows.split = observed_columns.split AND rows.position = observations.position;
"""  # noqa: S608 -- no query
