//! As much of TDS as the replaying server must read and write itself.

/// The types it writes.
#[derive(Clone, Copy)]
pub(crate) enum Type {
    Int,
    Text,
}

const PACKET: usize = 4096 - 8;
pub(crate) const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];

/// User, password and database of a LOGIN7 message.
pub(crate) fn login(payload: &[u8]) -> (String, String, String) {
    let field = |at: usize| {
        let number = |at: usize| usize::from(u16::from_le_bytes([payload[at], payload[at + 1]]));
        let begin = number(at);
        payload[begin..begin + 2 * number(at + 2)].to_vec()
    };
    let hidden = field(44);
    let plain: Vec<u8> = hidden
        .iter()
        .map(|byte| (byte ^ 0xA5).rotate_left(4))
        .collect();
    (utf16(&field(40)), utf16(&plain), utf16(&field(68)))
}

/// Whether a LOGIN7 message says that its client only reads: the bit fReadOnlyIntent of TypeFlags.
pub(crate) fn only_reads(payload: &[u8]) -> bool {
    const TYPE_FLAGS: usize = 26;
    payload[TYPE_FLAGS] & 0x20 != 0
}

/// Puts what the server says of encryption into its answer to the greeting.
pub(crate) fn encrypting(prelogin: &mut [u8], level: u8) {
    let mut option = 8;
    // Each is a token, where its value is, and how long that is.
    while prelogin[option] != 1 {
        option += 5;
    }
    let at = u16::from_be_bytes([prelogin[option + 1], prelogin[option + 2]]);
    prelogin[8 + usize::from(at)] = level;
}

/// The SQL of a batch.
pub(crate) fn batch(payload: &[u8]) -> String {
    utf16(&payload[headers(payload)..])
}

/// The statement and the texts that go with it; what is behind a value of another type is left out.
pub(crate) fn rpc(payload: &[u8]) -> Vec<String> {
    let mut at = headers(payload);
    let name = usize::from(u16::from_le_bytes([payload[at], payload[at + 1]]));
    at += if name == 0xFFFF { 4 } else { 2 + 2 * name } + 2;
    let mut texts = Vec::new();
    while at < payload.len() {
        at += 1 + 2 * usize::from(payload[at]) + 1;
        if payload.get(at) != Some(&0xE7) {
            break;
        }
        let long = payload[at + 1..at + 3] == [0xFF, 0xFF];
        at += 8;
        let mut bytes = Vec::new();
        if long {
            at += 8;
            loop {
                let length = u32::from_le_bytes(payload[at..at + 4].try_into().unwrap()) as usize;
                at += 4;
                if length == 0 {
                    break;
                }
                bytes.extend_from_slice(&payload[at..at + length]);
                at += length;
            }
        } else {
            let length = usize::from(u16::from_le_bytes([payload[at], payload[at + 1]]));
            bytes.extend_from_slice(&payload[at + 2..at + 2 + length]);
            at += 2 + length;
        }
        texts.push(utf16(&bytes));
    }
    texts
}

fn headers(payload: &[u8]) -> usize {
    u32::from_le_bytes(payload[..4].try_into().unwrap()) as usize
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16(&units).unwrap()
}

pub(crate) fn units(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// One packet of an answer.
pub(crate) fn packet(payload: &[u8], last: bool) -> Vec<u8> {
    let length = (payload.len() + 8) as u16;
    let mut bytes = vec![0x04, u8::from(last)];
    bytes.extend(length.to_be_bytes());
    bytes.extend([0, 51, 1, 0]);
    bytes.extend_from_slice(payload);
    bytes
}

/// A whole answer.
pub(crate) fn message(payload: &[u8]) -> Vec<u8> {
    let packets = payload.chunks(PACKET).count();
    payload
        .chunks(PACKET)
        .enumerate()
        .flat_map(|(i, part)| packet(part, i + 1 == packets))
        .collect()
}

/// COLMETADATA.
pub(crate) fn columns(columns: &[(&str, Type)]) -> Vec<u8> {
    let mut bytes = vec![0x81];
    bytes.extend((columns.len() as u16).to_le_bytes());
    for (name, kind) in columns {
        bytes.extend([0, 0, 0, 0, 9, 0]);
        match kind {
            Type::Int => bytes.extend([0x26, 4]),
            Type::Text => {
                bytes.extend([0xE7, 0x40, 0x1F]);
                bytes.extend(COLLATION);
            }
        }
        bytes.push(name.len() as u8);
        bytes.extend(units(name));
    }
    bytes
}

/// ROW.
pub(crate) fn row(values: &[Option<String>], kinds: &[Type]) -> Vec<u8> {
    let mut bytes = vec![0xD1];
    for (value, kind) in values.iter().zip(kinds) {
        match (value, kind) {
            (Some(value), Type::Int) => {
                bytes.push(4);
                bytes.extend(value.parse::<i32>().unwrap().to_le_bytes());
            }
            (None, Type::Int) => bytes.push(0),
            (Some(value), Type::Text) => {
                let text = units(value);
                bytes.extend((text.len() as u16).to_le_bytes());
                bytes.extend(text);
            }
            (None, Type::Text) => bytes.extend([0xFF, 0xFF]),
        }
    }
    bytes
}

/// DONE, with a count where there is one.
pub(crate) fn done(status: u16, rows: u64) -> Vec<u8> {
    let mut bytes = vec![0xFD];
    bytes.extend(status.to_le_bytes());
    bytes.extend([0xC1, 0]);
    bytes.extend(rows.to_le_bytes());
    bytes
}

/// A whole answer of one result.
pub(crate) fn result(named: &[(&str, Type)], rows: &[Vec<Option<String>>]) -> Vec<u8> {
    let kinds: Vec<Type> = named.iter().map(|(_, kind)| *kind).collect();
    let mut payload = columns(named);
    for values in rows {
        payload.extend(row(values, &kinds));
    }
    payload.extend(done(0x10, rows.len() as u64));
    message(&payload)
}

/// A whole answer of one number, and the ENVCHANGE by which the server tells that it committed a transaction.
pub(crate) fn committing() -> Vec<u8> {
    let mut payload = columns(&[("", Type::Int)]);
    payload.extend(row(&[Some("1".to_owned())], &[Type::Int]));
    payload.extend(done(0x11, 1));
    payload.extend([0xE3, 11, 0, 9, 0, 8]);
    payload.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend(done(0, 0));
    message(&payload)
}

/// A whole answer that is an error.
pub(crate) fn error(number: u32, text: &str) -> Vec<u8> {
    let mut body = number.to_le_bytes().to_vec();
    body.extend([1, 16]);
    body.extend((text.encode_utf16().count() as u16).to_le_bytes());
    body.extend(units(text));
    body.extend([0, 0]);
    body.extend(1_u32.to_le_bytes());
    let mut payload = vec![0xAA];
    payload.extend((body.len() as u16).to_le_bytes());
    payload.extend(body);
    payload.extend(done(2, 0));
    message(&payload)
}

/// Columns that cannot be NULL come in types of fixed length: bit, int, money, datetime, float.
pub(crate) fn fixed() -> Vec<u8> {
    let mut bytes = vec![0x81, 5, 0];
    for (kind, name) in [
        (0x32, "b"),
        (0x38, "i"),
        (0x3C, "m"),
        (0x3D, "d"),
        (0x3E, "f"),
    ] {
        bytes.extend([0, 0, 0, 0, 8, 0, kind, 1]);
        bytes.extend(units(name));
    }
    bytes.push(0xD1);
    bytes.push(1);
    bytes.extend((-7_i32).to_le_bytes());
    // High word first.
    bytes.extend(1_i32.to_le_bytes());
    bytes.extend(30_000_u32.to_le_bytes());
    // 1 January 1900, 299 of 300 parts of a second.
    bytes.extend(0_i32.to_le_bytes());
    bytes.extend(299_u32.to_le_bytes());
    bytes.extend(0.1_f64.to_le_bytes());
    bytes.extend(done(0x10, 1));
    bytes
}

/// A hierarchyid (`/1/`) and a geometry, as SQL Server sends a type of its runtime.
pub(crate) fn clr() -> Vec<u8> {
    let b_varchar = |text: &str| {
        let mut bytes = vec![text.len() as u8];
        bytes.extend(units(text));
        bytes
    };
    let mut bytes = vec![0x81, 1, 0, 0, 0, 0, 0, 9, 0, 0xF0];
    bytes.extend(892_u16.to_le_bytes());
    bytes.extend(b_varchar("master"));
    bytes.extend(b_varchar("sys"));
    bytes.extend(b_varchar("hierarchyid"));
    let assembly = "Microsoft.SqlServer.Types.SqlHierarchyId";
    bytes.extend((assembly.len() as u16).to_le_bytes());
    bytes.extend(units(assembly));
    bytes.extend(b_varchar("node"));
    bytes.push(0xD1);
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.push(0x58);
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(done(0x10, 1));
    bytes
}

/// The answer with every `money` as a decimal of the same digits, as `WITH RESULT SETS` asks of the server; `None`
/// where a column's value has not its length in its first byte.
pub(crate) fn without_money(response: &[u8]) -> Option<Vec<u8>> {
    let payload = unpacked(response);
    if payload.first() != Some(&0x81) {
        return None;
    }
    let mut out = vec![0x81];
    let count = usize::from(u16::from_le_bytes([*payload.get(1)?, *payload.get(2)?]));
    out.extend_from_slice(&payload[1..3]);
    let mut at = 3;
    let mut money = Vec::new();
    for _ in 0..count {
        out.extend_from_slice(&payload[at..at + 6]);
        let length = match payload[at + 6] {
            0x26 | 0x68 | 0x6D | 0x6E => 2,
            0x6C | 0x6A => 4,
            _ => return None,
        };
        money.push(payload[at + 6] == 0x6E);
        if payload[at + 6] == 0x6E {
            out.extend([0x6C, 9, 19, 4]);
        } else {
            out.extend_from_slice(&payload[at + 6..at + 6 + length]);
        }
        at += 6 + length;
        let name = 1 + 2 * usize::from(payload[at]);
        out.extend_from_slice(&payload[at..at + name]);
        at += name;
    }
    loop {
        let token = payload[at];
        let null =
            |column: usize| token == 0xD2 && payload[at + 1 + column / 8] >> (column % 8) & 1 == 1;
        let mut next = match token {
            0xD1 => at + 1,
            0xD2 => at + 1 + count.div_ceil(8),
            _ => break,
        };
        out.extend_from_slice(&payload[at..next]);
        for (column, is_money) in money.iter().enumerate() {
            if null(column) {
                continue;
            }
            let length = usize::from(payload[next]);
            let value = &payload[next + 1..next + 1 + length];
            if *is_money && length > 0 {
                let amount = match length {
                    4 => i64::from(i32::from_le_bytes(value.try_into().unwrap())),
                    _ => {
                        let high = i32::from_le_bytes(value[..4].try_into().unwrap());
                        let low = u32::from_le_bytes(value[4..].try_into().unwrap());
                        i64::from(high) << 32 | i64::from(low)
                    }
                };
                out.extend([9, u8::from(amount >= 0)]);
                out.extend(amount.unsigned_abs().to_le_bytes());
            } else {
                out.extend_from_slice(&payload[next..=next + length]);
            }
            next += 1 + length;
        }
        at = next;
    }
    out.extend_from_slice(&payload[at..]);
    Some(message(&out))
}

fn unpacked(response: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut at = 0;
    while at < response.len() {
        let length = usize::from(u16::from_be_bytes([response[at + 2], response[at + 3]]));
        payload.extend_from_slice(&response[at + 8..at + length]);
        at += length;
    }
    payload
}
