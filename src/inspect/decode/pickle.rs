//! Python pickles of protocol 0 to 5, by `pickletools`: what the opcodes say, as a list. Nothing is executed, no object
//! is made; a class or a call is only named. That every opcode finds on the stack what it takes is checked.

use super::evidence;
use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree, bytes_text};

/// Whether these are a pickle of protocol 2 to 5: PROTO first, STOP last, opcodes between.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, .., b'.']) && read(bytes).1.is_ok()
}

/// Whether these are a pickle of protocol 0 or 1, which has no mark: opcodes to the last byte that leave one value, with
/// the numbers under which Python notes each part in their order.
pub(super) fn is_old(bytes: &[u8]) -> bool {
    if bytes.len() < 8 || bytes.last() != Some(&b'.') || bytes[0] == 0x80 {
        return false;
    }
    let (grower, outcome, memo) = read(bytes);
    outcome.is_ok() && memo.is_in_order() && grower.evidence() >= evidence::ENOUGH
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    let (grower, outcome, _) = read(bytes);
    grower.finish(outcome, whole)
}

fn read(bytes: &[u8]) -> (Grower, Result<(), Stop>, Memo) {
    let (mut grower, mut memo) = (Grower::default(), Memo::default());
    let outcome = grow(&mut grower, &mut Reader::new(bytes), &mut memo);
    (grower, outcome, memo)
}

/// Under which numbers parts were noted.
#[derive(Default)]
struct Memo {
    first: Option<u64>,
    count: u64,
    is_odd: bool,
}

impl Memo {
    fn put(&mut self, number: Option<u64>) {
        let first = *self.first.get_or_insert(number.unwrap_or(u64::MAX));
        self.is_odd |= first > 1 || number != Some(first + self.count);
        self.count += 1;
    }

    fn is_in_order(&self) -> bool {
        self.count > 0 && !self.is_odd
    }
}

/// How many values are on the stack, and how many were below each mark.
#[derive(Default)]
struct Stack {
    values: usize,
    marks: Vec<usize>,
}

impl Stack {
    fn pop(&mut self, reader: &Reader<'_>, count: usize) -> Result<(), Stop> {
        let floor = self.marks.last().copied().unwrap_or_default();
        if self.values < floor + count {
            return reader.damaged("a value is missing");
        }
        self.values -= count;
        Ok(())
    }

    /// Takes away what is above the last mark, and the mark.
    fn pop_mark(&mut self, reader: &Reader<'_>) -> Result<(), Stop> {
        match self.marks.pop() {
            Some(below) => {
                self.values = below;
                Ok(())
            }
            None => reader.damaged("a mark is missing"),
        }
    }
}

/// How many values an opcode takes from the stack and puts on it, once what is above a mark that it takes is gone; `None`
/// for one that is unknown.
fn effect(opcode: u8) -> Option<(usize, usize)> {
    Some(match opcode {
        // Numbers, texts, bytes, constants, empty collections, classes, what was noted before, and what is made of
        // what was above a mark.
        b'N'
        | b'I'
        | b'L'
        | b'F'
        | b'S'
        | b'V'
        | b'K'
        | b'M'
        | b'J'
        | b'G'
        | b'U'
        | b'C'
        | b'X'
        | b'B'
        | b'T'
        | b')'
        | b']'
        | b'}'
        | b'c'
        | b'P'
        | b'g'
        | b'h'
        | b'j'
        | b't'
        | b'l'
        | b'd'
        | b'o'
        | b'i'
        | 0x82..=0x84
        | 0x88..=0x8f
        | 0x91
        | 0x96
        | 0x97 => (0, 1),
        b'Q' | b'p' | b'q' | b'r' | b'e' | b'u' | 0x85 | 0x90 | 0x94 | 0x98 => (1, 1),
        b'R' | b'a' | b'b' | 0x81 | 0x86 | 0x93 => (2, 1),
        b's' | 0x87 | 0x92 => (3, 1),
        b'2' => (1, 2),
        b'0' => (1, 0),
        b'(' | b'.' | b'1' | 0x80 | 0x95 => (0, 0),
        _ => return None,
    })
}

fn grow(grower: &mut Grower, reader: &mut Reader<'_>, memo: &mut Memo) -> Result<(), Stop> {
    let mut stack = Stack::default();
    loop {
        let opcode = reader.byte()?;
        let Some((takes, puts)) = effect(opcode) else {
            return reader.damaged("an opcode is unknown");
        };
        // Of the 256 bytes some thirty are opcodes that are often written.
        grower.sure(2.5);
        match opcode {
            b'(' => {
                grower.open("mark")?;
                stack.marks.push(stack.values);
                continue;
            }
            b'0' if stack.marks.last() == Some(&stack.values) => {
                stack.pop_mark(reader)?;
                grower.close();
                continue;
            }
            b't' | b'l' | b'd' | b'e' | b'u' | 0x90 | 0x91 | b'o' | b'1' | b'i' => {
                stack.pop_mark(reader)?;
            }
            b'.' if !reader.is_at_end() => return reader.damaged("more bytes follow the value"),
            b'.' if stack.values != 1 || !stack.marks.is_empty() => {
                return reader.damaged("not one value is left");
            }
            b'.' => return Ok(()),
            _ => {}
        }
        stack.pop(reader, takes)?;
        stack.values += puts;
        operand(grower, reader, memo, opcode)?;
    }
}

/// What stands behind an opcode.
fn operand(
    grower: &mut Grower,
    reader: &mut Reader<'_>,
    memo: &mut Memo,
    opcode: u8,
) -> Result<(), Stop> {
    match opcode {
        0x80 => {
            let version = reader.byte()?;
            grower.name("protocol");
            grower.leaf(version.to_string())
        }
        // FRAME, MEMOIZE and the memo's opcodes hold nothing for people.
        0x95 => reader.take(8).map(drop),
        b'h' => reader.take(1).map(drop),
        b'j' => reader.take(4).map(drop),
        b'g' => reader.until(b'\n').map(drop),
        b'q' | b'r' => {
            let number = reader.little(if opcode == b'q' { 1 } else { 4 })?;
            memo.put(Some(number));
            grower.sure(if memo.is_odd { -8.0 } else { 7.0 });
            Ok(())
        }
        b'p' => {
            let digits = std::str::from_utf8(reader.until(b'\n')?).unwrap_or_default();
            memo.put(digits.parse().ok());
            grower.sure(if memo.is_odd { -8.0 } else { 7.0 });
            Ok(())
        }
        0x94 | b'0' | b'2' => Ok(()),
        b't' | b'l' | b'd' | b'e' | b'u' | 0x90 | 0x91 | b'o' | b'1' => {
            grower.retitle(match opcode {
                b't' => "tuple",
                b'l' => "list",
                b'd' => "dict",
                b'e' => "items of a list",
                b'u' => "items of a dict",
                0x90 => "items of a set",
                0x91 => "frozenset",
                b'o' => "object",
                _ => "dropped",
            });
            grower.close();
            Ok(())
        }
        b'K' => grower.leaf(reader.little(1)?.to_string()),
        b'M' => grower.leaf(reader.little(2)?.to_string()),
        b'J' => grower.leaf((reader.little(4)? as i32).to_string()),
        b'G' => grower.leaf(format!("{:?}", f64::from_bits(reader.big(8)?))),
        0x8a => {
            let length = u64::from(reader.byte()?);
            grower.leaf(long(reader.take_long(length)?))
        }
        0x8b => {
            let length = reader.little(4)?;
            grower.leaf(long(reader.take_long(length)?))
        }
        b'I' | b'L' | b'F' | b'S' | b'V' => {
            let text = reader.until(b'\n')?;
            grower.sure(evidence::of_text(text));
            grower.leaf(match (opcode, text) {
                (b'I', b"00") => "False".to_owned(),
                (b'I', b"01") => "True".to_owned(),
                (b'L', digits) => super::display(digits.strip_suffix(b"L").unwrap_or(digits)),
                (b'V', text) => format!("\"{}\"", super::display(text)),
                _ => super::display(text),
            })
        }
        b'U' | b'C' | 0x8c => counted(grower, reader, 1),
        b'X' | b'B' | b'T' => counted(grower, reader, 4),
        0x8d | 0x8e | 0x96 => counted(grower, reader, 8),
        b'c' | b'i' => {
            let (module, name) = (reader.until(b'\n')?, reader.until(b'\n')?);
            grower.sure(evidence::of_text(module) + evidence::of_text(name));
            let (module, name) = (super::display(module), super::display(name));
            if opcode == b'c' {
                return grower.leaf(format!("class {module}.{name}"));
            }
            grower.retitle(format!("object of {module}.{name}"));
            grower.close();
            Ok(())
        }
        b'P' => {
            let id = reader.until(b'\n')?;
            grower.leaf(format!("persistent {}", super::display(id)))
        }
        width @ 0x82..=0x84 => {
            let code = reader.little(1 << (width - 0x82))?;
            grower.leaf(format!("extension {code}"))
        }
        _ => grower.leaf(word(opcode)),
    }
}

/// An opcode that has no operand.
fn word(opcode: u8) -> &'static str {
    match opcode {
        b')' => "()",
        b']' => "[]",
        b'}' => "{}",
        0x8f => "set()",
        0x85 => "tuple of 1",
        0x86 => "tuple of 2",
        0x87 => "tuple of 3",
        b'a' => "append",
        b's' => "set item",
        b'N' => "None",
        0x88 => "True",
        0x89 => "False",
        0x93 => "class of the two names before",
        b'R' => "call (not executed)",
        0x81 | 0x92 => "new object (not made)",
        b'b' => "state of the object",
        0x97 => "buffer outside",
        0x98 => "read-only buffer",
        _ => "persistent",
    }
}

fn counted(grower: &mut Grower, reader: &mut Reader<'_>, width: usize) -> Result<(), Stop> {
    let length = reader.little(width)?;
    let bytes = reader.take_long(length)?;
    grower.sure(evidence::of_text(bytes).max(0.0));
    grower.leaf(bytes_text(bytes))
}

/// A whole number in two's complement, the least significant byte first; one of more than 16 bytes as it stands.
fn long(bytes: &[u8]) -> String {
    if bytes.len() > 16 {
        return format!("a number of {} bytes", bytes.len());
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut all = if negative { [0xff; 16] } else { [0; 16] };
    all[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(all).to_string()
}
