//! Python pickles, by `pickletools`: what the opcodes say, as a list. Nothing is executed, no object is made; a class
//! or a call is only named.

use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree, bytes_text};

/// Whether these are a pickle of protocol 2 to 5: PROTO first, STOP last, opcodes between.
pub(super) fn is(bytes: &[u8]) -> bool {
    matches!(bytes, [0x80, 2..=5, .., b'.']) && tree(bytes, true).is_ok()
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    let mut grower = Grower::default();
    let outcome = grow(&mut grower, &mut Reader::new(bytes));
    grower.finish(outcome, whole)
}

fn grow(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    let mut depth = 0_usize;
    loop {
        let opcode = reader.byte()?;
        match opcode {
            b'.' => {
                return if reader.is_at_end() {
                    Ok(())
                } else {
                    reader.damaged("more bytes follow the value")
                };
            }
            0x80 => {
                let version = reader.byte()?;
                grower.name("protocol");
                grower.leaf(version.to_string())?;
            }
            // FRAME, MEMOIZE and the memo's opcodes hold nothing for people.
            0x95 => drop(reader.take(8)?),
            b'q' | b'h' => drop(reader.take(1)?),
            b'r' | b'j' => drop(reader.take(4)?),
            b'p' | b'g' => drop(reader.until(b'\n')?),
            0x94 | b'0' | b'2' => {}
            b'(' => {
                grower.open("mark")?;
                depth += 1;
            }
            b't' | b'l' | b'd' | b'e' | b'u' | 0x90 | 0x91 | b'o' | b'1' => {
                let what = match opcode {
                    b't' => "tuple",
                    b'l' => "list",
                    b'd' => "dict",
                    b'e' => "items of a list",
                    b'u' => "items of a dict",
                    0x90 => "items of a set",
                    0x91 => "frozenset",
                    b'o' => "object",
                    _ => "dropped",
                };
                if depth == 0 {
                    return reader.damaged("a mark is missing");
                }
                depth -= 1;
                grower.retitle(what);
                grower.close();
            }
            b')' => grower.leaf("()")?,
            b']' => grower.leaf("[]")?,
            b'}' => grower.leaf("{}")?,
            0x8f => grower.leaf("set()")?,
            0x85 => grower.leaf("tuple of 1")?,
            0x86 => grower.leaf("tuple of 2")?,
            0x87 => grower.leaf("tuple of 3")?,
            b'a' => grower.leaf("append")?,
            b's' => grower.leaf("set item")?,
            b'N' => grower.leaf("None")?,
            0x88 => grower.leaf("True")?,
            0x89 => grower.leaf("False")?,
            b'K' => grower.leaf(reader.little(1)?.to_string())?,
            b'M' => grower.leaf(reader.little(2)?.to_string())?,
            b'J' => grower.leaf((reader.little(4)? as i32).to_string())?,
            b'G' => grower.leaf(format!("{:?}", f64::from_bits(reader.big(8)?)))?,
            0x8a => {
                let length = u64::from(reader.byte()?);
                let bytes = reader.take_long(length)?;
                grower.leaf(long(bytes))?;
            }
            0x8b => {
                let length = reader.little(4)?;
                let bytes = reader.take_long(length)?;
                grower.leaf(long(bytes))?;
            }
            b'I' | b'L' | b'F' | b'S' | b'V' => {
                let text = reader.until(b'\n')?;
                grower.leaf(super::display(text))?;
            }
            b'U' | b'C' | 0x8c => counted(grower, reader, 1)?,
            b'X' | b'B' | b'T' => counted(grower, reader, 4)?,
            0x8d | 0x8e | 0x96 => counted(grower, reader, 8)?,
            b'c' => {
                let (module, name) = (reader.until(b'\n')?, reader.until(b'\n')?);
                grower.leaf(format!(
                    "class {}.{}",
                    super::display(module),
                    super::display(name)
                ))?;
            }
            b'i' => {
                let (module, name) = (reader.until(b'\n')?, reader.until(b'\n')?);
                if depth == 0 {
                    return reader.damaged("a mark is missing");
                }
                depth -= 1;
                grower.retitle(format!(
                    "object of {}.{}",
                    super::display(module),
                    super::display(name)
                ));
                grower.close();
            }
            0x93 => grower.leaf("class of the two names before")?,
            b'R' => grower.leaf("call (not executed)")?,
            0x81 | 0x92 => grower.leaf("new object (not made)")?,
            b'b' => grower.leaf("state of the object")?,
            0x97 => grower.leaf("buffer outside")?,
            0x98 => grower.leaf("read-only buffer")?,
            b'P' => {
                let id = reader.until(b'\n')?;
                grower.leaf(format!("persistent {}", super::display(id)))?;
            }
            b'Q' => grower.leaf("persistent")?,
            width @ 0x82..=0x84 => {
                let code = reader.little(1 << (width - 0x82))?;
                grower.leaf(format!("extension {code}"))?;
            }
            _ => return reader.damaged("an opcode is unknown"),
        }
    }
}

fn counted(grower: &mut Grower, reader: &mut Reader<'_>, width: usize) -> Result<(), Stop> {
    let length = reader.little(width)?;
    grower.leaf(bytes_text(reader.take_long(length)?))
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
