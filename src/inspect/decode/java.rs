//! A Java serialization stream, by the Object Serialization Stream Protocol: the class of its first object, and the
//! values of fields that are numbers, truth values or texts, of classes that write themselves in no way of their own.
//! That is what boxed numbers and texts are; anything else needs its classes to be read, and is said to be not read.

use super::reader::{Reader, Stop};
use super::tree::{Grower, Tree, bytes_text};

/// STREAM_MAGIC and STREAM_VERSION.
const HEADER: [u8; 4] = [0xac, 0xed, 0, 5];
/// The flag of a class that writes no data of its own: SC_SERIALIZABLE alone.
const PLAIN: u8 = 0x02;

pub(super) fn is(bytes: &[u8]) -> bool {
    bytes.starts_with(&HEADER)
}

pub(super) fn tree(bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
    let mut grower = Grower::default();
    let outcome = grow(&mut grower, &mut Reader::new(bytes));
    grower.finish(outcome, whole)
}

struct Class {
    name: String,
    serial: i64,
    flags: u8,
    fields: Vec<Field>,
}

struct Field {
    kind: u8,
    name: String,
    /// What its type is called.
    title: String,
}

fn grow(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    if reader.take(4)? != HEADER {
        return Err(Stop::damaged(0, "the header of a stream is missing"));
    }
    grower.name("version");
    grower.leaf("5")?;
    match reader.byte()? {
        0x70 => grower.leaf("null")?,
        0x74 => {
            let text = short_text(reader)?;
            grower.name("string");
            grower.bytes(text)?;
        }
        0x7c => {
            let length = reader.big(8)?;
            grower.name("long string");
            grower.bytes(reader.take_long(length)?)?;
        }
        0x77 => {
            let length = reader.big(1)?;
            grower.name("block of data");
            grower.bytes(reader.take_long(length)?)?;
        }
        0x7a => {
            let length = reader.big(4)?;
            grower.name("block of data");
            grower.bytes(reader.take_long(length)?)?;
        }
        0x72 => {
            grower.leaf("class description")?;
            let class = class(reader)?;
            show_class(grower, &class, &[])?;
        }
        0x73 => {
            grower.leaf("object")?;
            object(grower, reader)?;
        }
        0x75 => {
            grower.leaf("array")?;
            object(grower, reader)?;
        }
        0x7e => {
            grower.leaf("enum constant")?;
            enum_constant(grower, reader)?;
        }
        _ => return reader.damaged("what follows is unknown"),
    }
    if !reader.is_at_end() {
        grower.name("not read");
        grower.leaf(crate::human::bytes(reader.left() as u64))?;
    }
    Ok(())
}

/// The class of an object, and its fields' values where they can be told.
fn object(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    if reader.byte()? != 0x72 {
        return reader.damaged("a class description is missing");
    }
    let first = class(reader)?;
    let mut ahead = reader.clone();
    let values = match values(&mut ahead, &first) {
        Ok(values) => {
            *reader = ahead;
            values
        }
        Err(_) => Vec::new(),
    };
    show_class(grower, &first, &values)
}

/// The fields' values, those of the classes above left out; fails where classes would be needed to read them.
fn values(reader: &mut Reader<'_>, first: &Class) -> Result<Vec<String>, Stop> {
    end_of_class(reader)?;
    let mut above = Vec::new();
    loop {
        match reader.byte()? {
            0x70 => break,
            0x72 => {
                above.push(class(reader)?);
                end_of_class(reader)?;
            }
            _ => return reader.damaged("a class was described before"),
        }
    }
    // The topmost class's fields come first.
    for class in above.iter().rev() {
        for field in of_plain(reader, class)? {
            value(reader, field)?;
        }
    }
    let fields = of_plain(reader, first)?;
    let values = fields.iter().map(|field| value(reader, field)).collect();
    if !reader.is_at_end() {
        return reader.damaged("more follows the fields");
    }
    values
}

fn of_plain<'a>(reader: &Reader<'_>, class: &'a Class) -> Result<&'a [Field], Stop> {
    if class.flags == PLAIN {
        Ok(&class.fields)
    } else {
        reader.damaged("a class writes data of its own")
    }
}

/// What a class's annotations end with; there are none in plain streams.
fn end_of_class(reader: &mut Reader<'_>) -> Result<(), Stop> {
    match reader.byte()? {
        0x78 => Ok(()),
        _ => reader.damaged("a class has annotations"),
    }
}

fn value(reader: &mut Reader<'_>, field: &Field) -> Result<String, Stop> {
    Ok(match field.kind {
        b'B' => (reader.big(1)? as i8).to_string(),
        b'C' => {
            let unit = reader.big(2)? as u16;
            let shown = String::from_utf16_lossy(&[unit]);
            format!("'{}'", super::display(shown.as_bytes()))
        }
        b'D' => format!("{:?}", f64::from_bits(reader.big(8)?)),
        b'F' => format!("{:?}", f32::from_bits(reader.big(4)? as u32)),
        b'I' => (reader.big(4)? as i32).to_string(),
        b'J' => (reader.big(8)? as i64).to_string(),
        b'S' => (reader.big(2)? as i16).to_string(),
        b'Z' => (reader.big(1)? != 0).to_string(),
        _ => match reader.byte()? {
            0x70 => "null".to_owned(),
            0x74 => bytes_text(short_text(reader)?),
            _ => return reader.damaged("a field holds an object"),
        },
    })
}

fn enum_constant(grower: &mut Grower, reader: &mut Reader<'_>) -> Result<(), Stop> {
    if reader.byte()? != 0x72 {
        return reader.damaged("a class description is missing");
    }
    let first = class(reader)?;
    grower.name("class");
    grower.leaf(first.name)?;
    // Above it is java.lang.Enum, and its name is the last of the stream.
    let mut ahead = reader.clone();
    let mut constant = || -> Result<String, Stop> {
        end_of_class(&mut ahead)?;
        if ahead.byte()? == 0x72 {
            class(&mut ahead)?;
            end_of_class(&mut ahead)?;
            ahead.byte()?;
        }
        match ahead.byte()? {
            0x74 => Ok(super::display(short_text(&mut ahead)?)),
            _ => ahead.damaged("its name is missing"),
        }
    };
    if let Ok(name) = constant() {
        *reader = ahead;
        grower.name("constant");
        grower.leaf(name)?;
    }
    Ok(())
}

fn show_class(grower: &mut Grower, class: &Class, values: &[String]) -> Result<(), Stop> {
    grower.name("class");
    grower.leaf(class.name.as_str())?;
    grower.name("serialVersionUID");
    grower.leaf(class.serial.to_string())?;
    grower.name("fields");
    grower.open(format!("{{{}}}", class.fields.len()))?;
    for (at, field) in class.fields.iter().enumerate() {
        grower.name(field.name.as_str());
        grower.leaf(match values.get(at) {
            Some(value) => format!("{value} ({})", field.title),
            None => field.title.clone(),
        })?;
    }
    grower.close();
    Ok(())
}

fn short_text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Stop> {
    let length = reader.big(2)?;
    reader.take_long(length)
}

/// A class description up to its annotations.
fn class(reader: &mut Reader<'_>) -> Result<Class, Stop> {
    let name = super::display(short_text(reader)?);
    let serial = reader.big(8)? as i64;
    let flags = reader.byte()?;
    let count = reader.big(2)?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let kind = reader.byte()?;
        let name = super::display(short_text(reader)?);
        let title = match kind {
            b'B' => "byte",
            b'C' => "char",
            b'D' => "double",
            b'F' => "float",
            b'I' => "int",
            b'J' => "long",
            b'S' => "short",
            b'Z' => "boolean",
            // The type's name is a string, new or one that was met before.
            b'L' | b'[' => match reader.byte()? {
                0x74 => {
                    let title = super::display(short_text(reader)?);
                    fields.push(Field { kind, name, title });
                    continue;
                }
                0x71 => {
                    reader.big(4)?;
                    "a type that was named before"
                }
                _ => return reader.damaged("a field's type is missing"),
            },
            _ => return reader.damaged("a field's type is unknown"),
        };
        let title = title.to_owned();
        fields.push(Field { kind, name, title });
    }
    Ok(Class {
        name,
        serial,
        flags,
        fields,
    })
}
