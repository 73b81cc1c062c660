//! The truth of a schedule: what was committed, and since when whoever opens a snapshot sees it.

/// Tables by bit; the last is "any change of the source".
pub(crate) const TABLES: [&str; 4] = ["orders", "_parts", "lines", "*"];
pub(crate) const ANY: u8 = 1 << 3;

/// Which tables an entry depends on.
pub(crate) const ENTRIES: [u8; 3] = [0b001, 0b110, ANY];

/// A set of commits, one bit each: what a snapshot holds. Snapshots of one schedule only ever gain commits.
pub(crate) type Content = u64;

/// A commit in the database's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Logged {
    tables: u8,
    log: u32,
    position: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Database {
    commits: Vec<Logged>,
    /// Which commits a snapshot that is opened now sees.
    pub(crate) visible: Content,
    /// Which log is written; positions begin anew in each.
    pub(crate) log: u32,
    /// The position of the log's last commit.
    pub(crate) end: u64,
}

impl Database {
    /// A commit; a late one stands in the log before anybody sees it.
    pub(crate) fn commit(&mut self, tables: u8, late: bool) -> bool {
        let index = self.commits.len();
        if index == 64 {
            return false;
        }
        self.end += 1;
        self.commits.push(Logged {
            tables,
            log: self.log,
            position: self.end,
        });
        if !late {
            self.visible |= 1 << index;
        }
        true
    }

    /// Every commit, visible or not.
    pub(crate) fn all(&self) -> Content {
        ones(self.commits.len())
    }

    /// One of the commits that nobody sees becomes visible.
    pub(crate) fn show(&mut self, which: usize) -> bool {
        let hidden: Vec<usize> = (0..self.commits.len())
            .filter(|index| self.visible & (1 << index) == 0)
            .collect();
        let Some(index) = hidden.get(which % hidden.len().max(1)) else {
            return false;
        };
        self.visible |= 1 << index;
        true
    }

    /// The server begins another log (a purge, a restore, a restart without one). What was logged is visible then.
    pub(crate) fn begin_log(&mut self) {
        self.visible = self.all();
        self.log += 1;
        self.end = 0;
    }

    /// Up to where the current log holds nothing but visible commits.
    pub(crate) fn settled(&self) -> u64 {
        self.commits
            .iter()
            .enumerate()
            .find(|(index, _)| self.visible & (1 << index) == 0)
            .map_or(self.end, |(_, first_hidden)| first_hidden.position - 1)
    }

    /// Which tables the current log changes after one position and up to another.
    pub(crate) fn logged(&self, after: u64, up_to: u64) -> u8 {
        self.commits
            .iter()
            .filter(|commit| commit.log == self.log)
            .filter(|commit| commit.position > after && commit.position <= up_to)
            .fold(0, |tables, commit| tables | commit.tables)
    }

    /// The tables of the commits that one content holds and another does not.
    pub(crate) fn changed(&self, from: Content, to: Content) -> u8 {
        self.between(from, to)
            .fold(0, |tables, commit| tables | commit.tables)
    }

    /// The position of the last of those.
    pub(crate) fn last(&self, from: Content, to: Content) -> u64 {
        let positions = self.between(from, to).map(|commit| commit.position);
        positions.max().unwrap_or_default()
    }

    fn between(&self, from: Content, to: Content) -> impl Iterator<Item = &Logged> {
        let commits = self.commits.iter().enumerate();
        commits
            .filter(move |(index, _)| (to & !from) & (1 << index) != 0)
            .map(|(_, commit)| commit)
    }
}

/// A content of the first `count` commits.
fn ones(count: usize) -> Content {
    if count == 64 { !0 } else { (1 << count) - 1 }
}

/// Whether an entry on `depends` is concerned by a change of `tables`.
pub(crate) fn concerns(depends: u8, tables: u8) -> bool {
    depends & tables != 0 || depends & ANY != 0 && tables != 0
}

/// The names of tables.
pub(crate) fn names(tables: u8) -> Vec<&'static str> {
    TABLES
        .iter()
        .enumerate()
        .filter(|(bit, _)| tables & (1 << bit) != 0)
        .map(|(_, name)| *name)
        .collect()
}
