//! A Java serialization stream, by the Object Serialization Stream Protocol: its header and the class of its first
//! object. The fields that follow need classes to be read.

use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree};

/// STREAM_MAGIC and STREAM_VERSION.
const HEADER: [u8; 4] = [0xac, 0xed, 0, 5];

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&HEADER)
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    let mut grower = Grower::default();
    let outcome = grow(&mut grower, &mut Reader::new(bytes));
    grower.finish(outcome, whole)
}

fn grow(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    if reader.take(4)? != HEADER {
        return Err(Stop::damaged(0, "the header of a stream is missing"));
    }
    grower.name("version");
    grower.leaf("5")?;
    let content = reader.byte()?;
    let (name, is_object) = match content {
        0x70 => ("null", false),
        0x72 => ("class description", true),
        0x73 => ("object", true),
        0x74 => ("string", false),
        0x75 => ("array", true),
        0x77 | 0x7a => ("block of data", false),
        0x7c => ("long string", false),
        0x7e => ("enum constant", true),
        _ => return reader.damaged("what follows is unknown"),
    };
    match content {
        0x74 => {
            grower.name(name);
            let length = reader.big(2)?;
            grower.bytes(reader.take_long(length)?)?;
        }
        0x7c => {
            grower.name(name);
            let length = reader.big(8)?;
            grower.bytes(reader.take_long(length)?)?;
        }
        _ => grower.leaf(name)?,
    }
    if is_object {
        if content != 0x72 && reader.byte()? != 0x72 {
            return reader.damaged("a class description is missing");
        }
        class(grower, reader)?;
    }
    grower.name("not read");
    grower.leaf(crate::human::bytes(reader.left() as u64))
}

fn class(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    let length = reader.big(2)?;
    let name = super::display(reader.take_long(length)?);
    grower.name("class");
    grower.leaf(name)?;
    grower.name("serialVersionUID");
    grower.leaf((reader.big(8)? as i64).to_string())?;
    reader.byte()?;
    let count = reader.big(2)?;
    grower.name("fields");
    grower.open(format!("{{{count}}}"))?;
    for _ in 0..count {
        let kind = reader.byte()?;
        let length = reader.big(2)?;
        let name = super::display(reader.take_long(length)?);
        let kind = match kind {
            b'B' => "byte",
            b'C' => "char",
            b'D' => "double",
            b'F' => "float",
            b'I' => "int",
            b'J' => "long",
            b'S' => "short",
            b'Z' => "boolean",
            b'L' | b'[' => {
                grower.name(name);
                // The type's name is a string, new or one that was met before.
                let shown = match reader.byte()? {
                    0x74 => {
                        let length = reader.big(2)?;
                        super::display(reader.take_long(length)?)
                    }
                    0x71 => {
                        reader.big(4)?;
                        "a type that was named before".into()
                    }
                    _ => return reader.damaged("a field's type is missing"),
                };
                grower.leaf(shown)?;
                continue;
            }
            _ => return reader.damaged("a field's type is unknown"),
        };
        grower.name(name);
        grower.leaf(kind)?;
    }
    grower.close();
    Ok(())
}
