//! What is in one key: its description, and its value page by page.

use super::{Kind, Ttl};

/// One key, described.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The exact name.
    pub name: Vec<u8>,
    /// The data structure.
    pub kind: Kind,
    /// What TYPE answers.
    pub type_name: String,
    /// The encoding on the server, empty where unknown.
    pub encoding: String,
    /// When it expires.
    pub ttl: Ttl,
    /// Bytes of memory on the server, extrapolated from samples for collections, by the server or, where it would take
    /// long, by us; `None` where the account may not ask.
    pub bytes: Option<u64>,
    /// Bytes of a string, else how many elements; `None` for a module's type.
    pub elements: Option<u64>,
    /// Seconds since the last use, where the server counts that.
    pub idle: Option<u64>,
}

impl About {
    /// Commands that the account seems not to have, for what is not known of the key depends on them.
    pub fn missing(&self) -> Vec<&'static str> {
        let length = self.kind.length().filter(|_| self.elements.is_none());
        [
            length,
            (self.ttl == Ttl::Unknown).then_some("PTTL"),
            self.encoding.is_empty().then_some("OBJECT ENCODING"),
            self.bytes.is_none().then_some("MEMORY USAGE"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Returns whether its bytes are extrapolated from some of its elements, and not counted.
    pub fn is_estimate(&self) -> bool {
        super::is_estimate(self.kind, &self.encoding, self.elements)
    }
}

/// A field of a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// When it expires by itself; [`Ttl::Unknown`] where the server has no TTL of fields.
    pub ttl: Ttl,
}

/// An entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its id.
    pub id: String,
    /// Fields and values in order; a name may repeat.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A piece of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Bytes from an offset on.
    String {
        /// Where they begin in the whole.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Fields and values.
    Hash(Vec<Field>),
    /// Elements from an index on.
    List {
        /// The first one's index.
        start: u64,
        /// The elements.
        items: Vec<Vec<u8>>,
    },
    /// Elements of a list that a search found, each with its index.
    Found(Vec<(u64, Vec<u8>)>),
    /// Members.
    Set(Vec<Vec<u8>>),
    /// Members and scores, the highest score first, from a rank on.
    ZSet {
        /// The first one's rank, counted from the highest score.
        start: u64,
        /// The members; a score is the server's text, which is exact.
        items: Vec<(Vec<u8>, String)>,
    },
    /// Entries in order.
    Stream(Vec<StreamEntry>),
    /// A whole document of a JSON module.
    Json(Vec<u8>),
    /// Samples of a time series in order: milliseconds since 1970, and the value as the server's text.
    Series(Vec<(i64, String)>),
    /// Not fetched unasked: one element has this many bytes on average.
    Withheld(u64),
    /// A module's type, recognized by name alone.
    Other,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Continue {
    /// At this byte, index or rank.
    Offset(u64),
    /// At this cursor of HSCAN, SSCAN or ZSCAN.
    Cursor(Vec<u8>),
    /// After this stream entry.
    After(String),
    /// At this time of a series, in milliseconds since 1970.
    At(i64),
}

/// A page of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The piece.
    pub value: Value,
    /// Where the next one begins, `None` at the end.
    pub next: Option<Continue>,
}

impl Value {
    /// How many elements (bytes of a string) it holds.
    pub fn len(&self) -> usize {
        match self {
            Self::String { bytes, .. } | Self::Json(bytes) => bytes.len(),
            Self::Series(samples) => samples.len(),
            Self::Hash(items) => items.len(),
            Self::List { items, .. } | Self::Set(items) => items.len(),
            Self::Found(items) => items.len(),
            Self::ZSet { items, .. } => items.len(),
            Self::Stream(items) => items.len(),
            Self::Withheld(_) | Self::Other => 0,
        }
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the page that follows this one. A different kind of value, of a key that was replaced meanwhile, stands
    /// alone. Cursors may repeat elements, and so may ranks while
    /// others write; each is kept once.
    pub fn append(&mut self, next: Self) {
        match (self, next) {
            (Self::String { bytes, .. }, Self::String { bytes: more, .. }) => bytes.extend(more),
            (Self::List { items, .. }, Self::List { items: more, .. }) => items.extend(more),
            (Self::Found(items), Self::Found(more)) => items.extend(more),
            (Self::ZSet { items, .. }, Self::ZSet { items: more, .. }) => {
                let known: std::collections::HashSet<_> =
                    items.iter().map(|(member, _)| member.clone()).collect();
                items.extend(
                    more.into_iter()
                        .filter(|(member, _)| !known.contains(member)),
                );
            }
            (Self::Stream(items), Self::Stream(more)) => items.extend(more),
            (Self::Series(samples), Self::Series(more)) => samples.extend(more),
            (Self::Hash(items), Self::Hash(more)) => {
                let known: std::collections::HashSet<_> =
                    items.iter().map(|field| field.name.clone()).collect();
                items.extend(
                    more.into_iter()
                        .filter(|field| !known.contains(&field.name)),
                );
            }
            (Self::Set(items), Self::Set(more)) => {
                let known: std::collections::HashSet<_> = items.iter().cloned().collect();
                items.extend(more.into_iter().filter(|member| !known.contains(member)));
            }
            (this, other) => *this = other,
        }
    }
}
