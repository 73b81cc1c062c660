//! How hostile bytes are read: every length is held against what is left before anything is done with it.

/// Why reading ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The bytes end inside the value.
    Ended,
    /// The bytes are not of this format: where, and why.
    Damaged(usize, &'static str),
    /// The value is larger or deeper than is shown.
    Limit(&'static str),
}

impl Stop {
    pub(super) fn damaged(at: usize, why: &'static str) -> Self {
        Self::Damaged(at, why)
    }

    /// In words.
    pub(super) fn why(&self) -> String {
        match self {
            Self::Ended => "they end too early".into(),
            Self::Damaged(at, why) => format!("at byte {at}, {why}"),
            Self::Limit(why) => (*why).into(),
        }
    }
}

/// How deep values may stand in one another: each level takes a part of the stack.
const NESTED: usize = 256;

/// Bytes that are read from the front.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
        }
    }

    /// Goes into a value that stands in another, until [`Reader::leave`].
    pub(super) fn enter(&mut self) -> Result<(), Stop> {
        if self.depth >= NESTED {
            return Err(Stop::Limit("it is nested deeper than 256 levels"));
        }
        self.depth += 1;
        Ok(())
    }

    /// Ends what [`Reader::enter`] began.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// A reader of bytes that stand in these, one level deeper.
    pub(super) fn inside<'b>(&self, bytes: &'b [u8]) -> Result<Reader<'b>, Stop> {
        let mut inside = Reader {
            bytes,
            at: 0,
            depth: self.depth,
        };
        inside.enter()?;
        Ok(inside)
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    pub(super) fn damaged<T>(&self, why: &'static str) -> Result<T, Stop> {
        Err(Stop::damaged(self.at, why))
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.checked_add(count).ok_or(Stop::Ended)?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Ended)?;
        self.at = end;
        Ok(taken)
    }

    /// The next bytes, as many as a length of 64 bits says.
    pub(super) fn take_long(&mut self, count: u64) -> Result<&'a [u8], Stop> {
        self.take(usize::try_from(count).map_err(|_| Stop::Ended)?)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| Stop::Ended)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// A whole number of `count` bytes, the most significant first.
    pub(super) fn big(&mut self, count: usize) -> Result<u64, Stop> {
        let taken = self.take(count)?;
        Ok(taken.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// A whole number of `count` bytes, the least significant first.
    pub(super) fn little(&mut self, count: usize) -> Result<u64, Stop> {
        let taken = self.take(count)?;
        Ok(taken
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// The bytes before the next `end`, which is read too.
    pub(super) fn until(&mut self, end: u8) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        let length = memchr::memchr(end, rest).ok_or(Stop::Ended)?;
        self.at += length + 1;
        Ok(&rest[..length])
    }
}
