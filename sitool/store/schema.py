"""The tables of a study, and the format number that they go by.

A study of a newer format is refused; an older one is brought up to date by the
statements in `MIGRATIONS`.
"""

FORMAT = 4

SAMPLES = """CREATE TABLE samples (
    id INTEGER PRIMARY KEY,
    round INTEGER NOT NULL REFERENCES rounds(id),
    role TEXT NOT NULL CHECK (role IN ('train', 'base', 'greedy', 'sampled')),
    position INTEGER NOT NULL, idx INTEGER NOT NULL,
    problem INTEGER NOT NULL REFERENCES problems(id),
    level INTEGER NOT NULL,
    text TEXT NOT NULL, finish TEXT NOT NULL,
    token_ids BLOB NOT NULL,         -- int32, little endian
    token_logprobs BLOB NOT NULL,    -- float32, nats, temperature 1, little endian; or empty
    logprob REAL NOT NULL,           -- their sum; without meaning where there are none
    length INTEGER NOT NULL,
    UNIQUE (round, role, position, idx)
)"""
SAMPLE_INDICES = (
    "CREATE INDEX samples_by_problem ON samples (problem)",
    "CREATE INDEX samples_by_round ON samples (round, role)",  # in order of their ids
    "CREATE INDEX samples_by_level ON samples (round, role, level)",
)
PAIRS = """CREATE TABLE pairs (
    round INTEGER NOT NULL REFERENCES rounds(id),
    first INTEGER NOT NULL REFERENCES samples(id),
    second INTEGER NOT NULL REFERENCES samples(id),
    PRIMARY KEY (round, first, second)
) WITHOUT ROWID"""

TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE rounds (
    id INTEGER PRIMARY KEY,
    parent INTEGER REFERENCES rounds(id),
    status TEXT NOT NULL CHECK (status IN ('open', 'finished', 'left')),
    phase TEXT,                      -- the next one to run; NULL when finished
    settings TEXT NOT NULL,          -- resolved, as JSON
    curriculum TEXT NOT NULL,        -- weights, whole numbers and state, as JSON
    redo_of INTEGER REFERENCES rounds(id),
    created REAL NOT NULL,           -- seconds since 1970
    seconds REAL NOT NULL DEFAULT 0, -- of work, pauses left out
    selected REAL                    -- when its training set was last fixed
);

CREATE TABLE problems (
    id INTEGER PRIMARY KEY,
    task TEXT NOT NULL, level INTEGER NOT NULL,
    prompt TEXT NOT NULL, truth TEXT NOT NULL,
    identity TEXT NOT NULL, facts TEXT NOT NULL,
    UNIQUE (task, prompt, truth)
);

CREATE TABLE draws (
    round INTEGER NOT NULL REFERENCES rounds(id),
    role TEXT NOT NULL CHECK (role IN ('train', 'evaluation')),
    position INTEGER NOT NULL,
    problem INTEGER NOT NULL REFERENCES problems(id),
    PRIMARY KEY (round, role, position)
) WITHOUT ROWID;

{SAMPLES};
{";".join(SAMPLE_INDICES)};

CREATE TABLE scores (
    sample INTEGER NOT NULL REFERENCES samples(id),
    verifier TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('scored', 'unparsed', 'error')),
    value REAL, flexible REAL, answer TEXT, explanation TEXT NOT NULL,
    PRIMARY KEY (sample, verifier)
) WITHOUT ROWID;

CREATE TABLE judges (
    round INTEGER NOT NULL REFERENCES rounds(id),
    verifier TEXT NOT NULL,
    pool TEXT NOT NULL CHECK (pool IN ('train', 'evaluation')),
    asked TEXT NOT NULL,             -- who judged and how it was asked, as JSON
    PRIMARY KEY (round, verifier, pool)
) WITHOUT ROWID;

CREATE TABLE selections (
    round INTEGER NOT NULL REFERENCES rounds(id),
    sample INTEGER NOT NULL REFERENCES samples(id),
    weight REAL NOT NULL, rule TEXT NOT NULL,
    PRIMARY KEY (round, sample)
) WITHOUT ROWID;
CREATE INDEX selections_by_sample ON selections (sample);

{PAIRS};

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    sample INTEGER NOT NULL REFERENCES samples(id),
    action TEXT NOT NULL CHECK (action IN ('accept', 'reject', 'edit', 'note', 'clear')),
    text TEXT, reason TEXT NOT NULL, author TEXT NOT NULL, time REAL NOT NULL
);
CREATE INDEX decisions_by_sample ON decisions (sample);

CREATE TABLE metrics (
    round INTEGER NOT NULL REFERENCES rounds(id),
    name TEXT NOT NULL,
    level INTEGER NOT NULL,          -- or the training step; 0 is over all
    value REAL NOT NULL, low REAL, high REAL, n INTEGER,
    PRIMARY KEY (round, name, level)
) WITHOUT ROWID;

CREATE TABLE events (
    id INTEGER PRIMARY KEY, time REAL NOT NULL,
    round INTEGER, kind TEXT NOT NULL, body TEXT NOT NULL
);

CREATE TABLE commands (
    id INTEGER PRIMARY KEY, time REAL NOT NULL,
    kind TEXT NOT NULL, body TEXT NOT NULL, author TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'done', 'stopped', 'failed')),
    error TEXT NOT NULL DEFAULT ''
);
"""

MIGRATIONS = {
    2: (
        "CREATE INDEX samples_by_round ON samples (round, role)",
        "CREATE INDEX samples_by_level ON samples (round, role, level)",
    ),
    3: (
        "CREATE TABLE judges (round INTEGER NOT NULL REFERENCES rounds(id),"
        " verifier TEXT NOT NULL, pool TEXT NOT NULL CHECK (pool IN ('train', 'evaluation')),"
        " asked TEXT NOT NULL, PRIMARY KEY (round, verifier, pool)) WITHOUT ROWID",
    ),
    # A check cannot be changed, so the table is made anew; renaming the old one would take
    # along what other tables refer to.
    4: (
        SAMPLES.replace("TABLE samples", "TABLE new_samples"),
        "INSERT INTO new_samples SELECT * FROM samples",
        "DROP TABLE samples",
        "ALTER TABLE new_samples RENAME TO samples",
        *SAMPLE_INDICES,
        PAIRS,
    ),
}
"""What brings a study of the format before up to each format."""
