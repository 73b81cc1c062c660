//! Random values as they stand in caches: of no format, and as the writers of each format write them.

use std::fmt::Write as _;
use std::io::Write as _;

/// A seeded source of randomness (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(name: &str) -> Self {
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, |seed: u64, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len() as u64) as usize]
    }

    fn bytes(&mut self, from: u64, to: u64) -> Vec<u8> {
        (0..self.within(from, to))
            .map(|_| self.next() as u8)
            .collect()
    }

    fn letters(&mut self, of: &str, from: u64, to: u64) -> Vec<u8> {
        let of = of.as_bytes();
        let count = self.within(from, to);
        (0..count)
            .map(|_| of[self.below(of.len() as u64) as usize])
            .collect()
    }

    fn words(&mut self, of: &[&str], from: u64, to: u64) -> String {
        let count = self.within(from, to);
        let words: Vec<&str> = (0..count).map(|_| self.of(of)).collect();
        words.join(" ")
    }
}

const HEX: &str = "0123456789abcdef";
const URL_SAFE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const ENGLISH: &[&str] = &[
    "the", "order", "was", "shipped", "to", "customer", "and", "paid", "in", "full", "on",
    "Monday.", "Please", "see", "attached", "invoice,", "thank", "you!", "I", "will", "be", "out",
];
const GERMAN: &[&str] = &[
    "die",
    "Bestellung",
    "wurde",
    "versandt",
    "für",
    "Größe",
    "über",
    "Straße",
    "schöne",
    "Grüße",
    "nächste",
    "Woche,",
    "bitte",
    "prüfen.",
];
const CJK: &[&str] = &[
    "注文",
    "商品",
    "発送",
    "日本語",
    "用户",
    "订单",
    "已付款",
    "고객",
    "주문",
];

fn base64(bytes: &[u8], engine: &::base64::engine::GeneralPurpose) -> Vec<u8> {
    use ::base64::Engine as _;
    engine.encode(bytes).into_bytes()
}

fn uuid(random: &mut Random) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.fill_with(|| random.next() as u8);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

fn hex(bytes: &[u8]) -> String {
    super::hexadecimal(bytes)
}

fn packed<const N: usize>(random: &mut Random, one: impl Fn(&mut Random) -> [u8; N]) -> Vec<u8> {
    let count = random.within(1, 16);
    (0..count).flat_map(|_| one(random)).collect()
}

fn amount(random: &mut Random) -> f64 {
    random.below(10_000_000) as f64 / 100.0
}

fn small(random: &mut Random) -> i64 {
    let bits = random.within(1, 31);
    (random.below(1 << bits)).cast_signed()
}

/// Makes a value of a kind.
type Make = fn(&mut Random) -> Vec<u8>;

/// Kinds of values that are of no format.
pub(super) const KINDS: &[(&str, Make)] = &[
    ("MD5 in hex", |r| hex(&r.bytes(16, 16)).into_bytes()),
    ("SHA-1 in hex", |r| hex(&r.bytes(20, 20)).into_bytes()),
    ("SHA-256 in hex", |r| hex(&r.bytes(32, 32)).into_bytes()),
    ("SHA-256 in upper case", |r| {
        hex(&r.bytes(32, 32)).to_uppercase().into_bytes()
    }),
    ("hex tokens", |r| r.letters(HEX, 8, 40)),
    ("base64url tokens", |r| r.letters(URL_SAFE, 16, 43)),
    ("base64 of random bytes", |r| {
        base64(
            &r.bytes(12, 64),
            &::base64::engine::general_purpose::STANDARD,
        )
    }),
    ("JWT", |r| {
        let engine = &::base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let claims = format!(
            "{{\"sub\":\"{}\",\"exp\":{}}}",
            r.below(99_999),
            r.below(1 << 31)
        );
        let signature = r.bytes(32, 32);
        let parts = [&b"{\"alg\":\"HS256\"}"[..], claims.as_bytes(), &signature];
        parts.map(|part| base64(part, engine)).join(&b'.')
    }),
    ("nanoid", |r| r.letters(URL_SAFE, 21, 21)),
    ("ULID", |r| {
        r.letters("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 26, 26)
    }),
    ("API keys", |r| {
        let letters = r.letters(&URL_SAFE[..62], 24, 48);
        [b"sk_live_".as_slice(), &letters].concat()
    }),
    ("UUID", |r| {
        let all = hex(&uuid(r));
        let parts = [
            &all[..8],
            &all[8..12],
            &all[12..16],
            &all[16..20],
            &all[20..],
        ];
        parts.join("-").into_bytes()
    }),
    ("binary UUID", |r| uuid(r).to_vec()),
    ("binary UUID of version 7", |r| {
        let mut id = uuid(r);
        id[..6].copy_from_slice(&(0x0001_9300_0000_0000 + r.below(1 << 36)).to_be_bytes()[2..]);
        id[6] = id[6] & 0x0f | 0x70;
        id.to_vec()
    }),
    ("binary digests", |r| r.bytes(20, 20)),
    ("doubles, little-endian", |r| {
        packed(r, |r| amount(r).to_le_bytes())
    }),
    ("doubles, big-endian", |r| {
        packed(r, |r| amount(r).to_be_bytes())
    }),
    ("floats, little-endian", |r| {
        packed(r, |r| ((amount(r) - 5e4) as f32 / 5e4).to_le_bytes())
    }),
    ("32-bit numbers, little-endian", |r| {
        packed(r, |r| (small(r) as i32).to_le_bytes())
    }),
    ("32-bit numbers, big-endian", |r| {
        packed(r, |r| (small(r) as i32).to_be_bytes())
    }),
    ("64-bit numbers, little-endian", |r| {
        packed(r, |r| small(r).to_le_bytes())
    }),
    ("64-bit numbers, big-endian", |r| {
        packed(r, |r| small(r).to_be_bytes())
    }),
    ("16-bit numbers, little-endian", |r| {
        packed(r, |r| (small(r) as i16).to_le_bytes())
    }),
    ("signed 32-bit numbers", |r| {
        packed(r, |r| (r.next() as i32 >> r.below(31)).to_le_bytes())
    }),
    ("small numbers in bytes", |r| {
        let count = r.within(8, 64);
        (0..count).map(|_| r.below(32) as u8).collect()
    }),
    ("times in binary", |r| {
        (1_700_000_000_000 + r.below(1 << 38))
            .to_be_bytes()
            .to_vec()
    }),
    ("random bytes", |r| r.bytes(8, 64)),
    ("more random bytes", |r| r.bytes(65, 600)),
    ("sparse bitmaps", |r| {
        let mut bits = vec![0; r.within(8, 200) as usize];
        for _ in 0..r.within(1, 12) {
            let at = r.below(bits.len() as u64) as usize;
            bits[at] |= 1 << r.below(8);
        }
        bits
    }),
    ("noise like protobuf", |r| {
        let mut noise = Vec::new();
        for field in 1..=r.within(2, 8) {
            noise.push((field as u8) << 3 | [0, 1, 2, 5][r.below(4) as usize]);
            noise.extend(r.bytes(1, 9));
        }
        noise
    }),
    ("noise like MessagePack", |r| {
        let mut noise = vec![0x80 | r.below(32) as u8];
        noise.extend(r.bytes(6, 40));
        noise
    }),
    ("ISO times", |r| {
        let (day, hour) = (r.within(1, 28), r.below(24));
        format!(
            "2026-{:02}-{day:02}T{hour:02}:15:00.{:03}Z",
            r.within(1, 12),
            r.below(1000)
        )
        .into_bytes()
    }),
    ("Unix times", |r| {
        (1_600_000_000 + r.below(1 << 28)).to_string().into_bytes()
    }),
    ("phone numbers", |r| {
        format!("+49{}", r.within(1_510_000_000, 17_900_000_000)).into_bytes()
    }),
    ("decimal numbers", |r| {
        let sign = r.of(&["", "-"]);
        format!("{sign}{}.{:02}", r.below(1_000_000), r.below(100)).into_bytes()
    }),
    ("URLs", |r| {
        let path = r.words(
            &["api", "v1", "users", "Orders", "items", "42", "img.png"],
            1,
            5,
        );
        format!(
            "https://shop.example/{}?id={}",
            path.replace(' ', "/"),
            r.below(99_999)
        )
        .into_bytes()
    }),
    ("paths", |r| {
        let path = r.words(
            &["var", "Cache", "Users", "Items", "myFile", "Reports2026"],
            2,
            6,
        );
        path.replace(' ', "/").into_bytes()
    }),
    ("identifiers", |r| {
        let words = r.words(
            &[
                "get", "User", "Profile", "Order", "Cache", "Item", "By", "Id",
            ],
            2,
            6,
        );
        words.replace(' ', "").into_bytes()
    }),
    ("English", |r| r.words(ENGLISH, 1, 30).into_bytes()),
    ("German", |r| r.words(GERMAN, 1, 30).into_bytes()),
    ("German in Latin-1", |r| {
        let text = r.words(GERMAN, 3, 30);
        text.chars().map(|c| c as u8).collect()
    }),
    ("Chinese, Japanese and Korean", |r| {
        r.words(CJK, 1, 30).into_bytes()
    }),
    ("UTF-16", |r| {
        let text = r.words(ENGLISH, 2, 20);
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }),
    ("IPv4", |r| {
        std::net::Ipv4Addr::from(r.next() as u32)
            .to_string()
            .into_bytes()
    }),
    ("IPv6", |r| {
        let bits = u128::from(r.next()) << 64 | u128::from(r.next());
        std::net::Ipv6Addr::from(bits).to_string().into_bytes()
    }),
    ("CSV", |r| {
        let mut line = r.words(ENGLISH, 2, 8).replace(' ', ",");
        let _ = write!(line, ",{},{}", r.below(1000), r.below(1000));
        line.into_bytes()
    }),
];

/// A value as programs cache it.
enum Item {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Item>),
    Map(Vec<(&'static str, Item)>),
}

fn text(random: &mut Random) -> Item {
    Item::Text(match random.below(6) {
        0 => random.words(ENGLISH, 1, 12),
        1 => random.words(GERMAN, 1, 6),
        2 => random.words(CJK, 1, 4),
        3 => hex(&random.bytes(16, 16)),
        4 => format!(
            "{}@shop.example",
            random.of(&["ann", "bob", "chris", "dora"])
        ),
        _ => random
            .of(&["open", "paid", "de_DE", "admin", "EUR"])
            .to_owned(),
    })
}

/// A session or a cached object: some of these fields, one text at least.
fn item(random: &mut Random) -> Item {
    let mut fields = vec![("user_name", text(random))];
    let mut maybe = |random: &mut Random, name: &'static str, make: fn(&mut Random) -> Item| {
        if random.below(2) == 0 {
            fields.push((name, make(random)));
        }
    };
    maybe(random, "user_id", |r| Item::Int(small(r)));
    maybe(random, "email", text);
    maybe(random, "is_active", |r| Item::Bool(r.below(2) == 0));
    maybe(random, "csrf_token", |r| Item::Text(hex(&r.bytes(16, 16))));
    maybe(random, "last_seen", |r| {
        Item::Int(1_700_000_000_000 + small(r))
    });
    maybe(random, "balance", |r| Item::Float(amount(r)));
    maybe(random, "offset", |r| Item::Int(-small(r)));
    maybe(random, "note", |_| Item::Null);
    maybe(random, "roles", |r| {
        Item::List((0..r.below(4)).map(|_| text(r)).collect())
    });
    maybe(random, "item_ids", |r| {
        Item::List((0..r.below(20)).map(|_| Item::Int(small(r))).collect())
    });
    maybe(random, "cart", |r| {
        let lines = (0..r.within(1, 3)).map(|_| {
            Item::Map(vec![
                ("sku", Item::Text(format!("AB-{}", r.below(9999)))),
                ("quantity", Item::Int(r.below(9).cast_signed())),
                ("price", Item::Float(amount(r))),
            ])
        });
        Item::List(lines.collect())
    });
    Item::Map(fields)
}

fn json(item: &Item) -> String {
    match item {
        Item::Null => "null".to_owned(),
        Item::Bool(yes) => yes.to_string(),
        Item::Int(n) => n.to_string(),
        Item::Float(n) => format!("{n:?}"),
        Item::Text(text) => format!("{text:?}"),
        Item::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        Item::Map(fields) => {
            let fields = fields
                .iter()
                .map(|(name, of)| format!("{name:?}:{}", json(of)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
    }
}

fn message_pack(item: &Item, out: &mut Vec<u8>) {
    match item {
        Item::Null => out.push(0xc0),
        Item::Bool(yes) => out.push(0xc2 + u8::from(*yes)),
        Item::Int(n @ -32..=0x7f) => out.push(*n as u8),
        Item::Int(n) if *n < 0 => {
            out.push(0xd3);
            out.extend(n.to_be_bytes());
        }
        Item::Int(n @ 0x80..=0xff) => out.extend([0xcc, *n as u8]),
        Item::Int(n @ 0x100..=0xffff) => {
            out.push(0xcd);
            out.extend((*n as u16).to_be_bytes());
        }
        Item::Int(n @ 0x1_0000..=0xffff_ffff) => {
            out.push(0xce);
            out.extend((*n as u32).to_be_bytes());
        }
        Item::Int(n) => {
            out.push(0xcf);
            out.extend(n.to_be_bytes());
        }
        Item::Float(n) => {
            out.push(0xcb);
            out.extend(n.to_be_bytes());
        }
        Item::Text(text) => message_pack_text(text, out),
        Item::List(items) => {
            match items.len() {
                count @ 0..=15 => out.push(0x90 | count as u8),
                count => out.extend([0xdc, (count >> 8) as u8, count as u8]),
            }
            for item in items {
                message_pack(item, out);
            }
        }
        Item::Map(fields) => {
            out.push(0x80 | fields.len() as u8);
            for (name, of) in fields {
                message_pack_text(name, out);
                message_pack(of, out);
            }
        }
    }
}

fn message_pack_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length => out.extend([0xd9, length as u8]),
    }
    out.extend(text.bytes());
}

fn cbor_head(major: u8, n: u64, out: &mut Vec<u8>) {
    match n {
        0..=23 => out.push(major << 5 | n as u8),
        24..=0xff => out.extend([major << 5 | 0x18, n as u8]),
        0x100..=0xffff => {
            out.push(major << 5 | 0x19);
            out.extend((n as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major << 5 | 0x1a);
            out.extend((n as u32).to_be_bytes());
        }
        _ => {
            out.push(major << 5 | 0x1b);
            out.extend(n.to_be_bytes());
        }
    }
}

fn cbor(item: &Item, out: &mut Vec<u8>) {
    match item {
        Item::Null => out.push(0xf6),
        Item::Bool(yes) => out.push(0xf4 + u8::from(*yes)),
        Item::Int(n @ 0..) => cbor_head(0, n.cast_unsigned(), out),
        Item::Int(n) => cbor_head(1, (-1 - n).cast_unsigned(), out),
        Item::Float(n) => {
            out.push(0xfb);
            out.extend(n.to_be_bytes());
        }
        Item::Text(text) => {
            cbor_head(3, text.len() as u64, out);
            out.extend(text.bytes());
        }
        Item::List(items) => {
            cbor_head(4, items.len() as u64, out);
            for item in items {
                cbor(item, out);
            }
        }
        Item::Map(fields) => {
            cbor_head(5, fields.len() as u64, out);
            for (name, of) in fields {
                cbor_head(3, name.len() as u64, out);
                out.extend(name.bytes());
                cbor(of, out);
            }
        }
    }
}

fn bson(named: &[(String, &Item)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, item) in named {
        let (kind, value) = match item {
            Item::Null => (0x0a, Vec::new()),
            Item::Bool(yes) => (0x08, vec![u8::from(*yes)]),
            Item::Int(n) => (0x12, n.to_le_bytes().to_vec()),
            Item::Float(n) => (0x01, n.to_le_bytes().to_vec()),
            Item::Text(text) => {
                let length = (text.len() as u32 + 1).to_le_bytes();
                (0x02, [&length, text.as_bytes(), &[0]].concat())
            }
            Item::List(items) => {
                let items = items.iter().enumerate();
                let items: Vec<_> = items.map(|(at, item)| (at.to_string(), item)).collect();
                (0x04, bson(&items))
            }
            Item::Map(fields) => (0x03, bson(&named_fields(fields))),
        };
        body.push(kind);
        body.extend(name.bytes());
        body.push(0);
        body.extend(value);
    }
    let length = (body.len() as u32 + 5).to_le_bytes();
    [&length, body.as_slice(), &[0]].concat()
}

fn named_fields<'a>(fields: &'a [(&'static str, Item)]) -> Vec<(String, &'a Item)> {
    fields
        .iter()
        .map(|(name, item)| ((*name).to_owned(), item))
        .collect()
}

fn php(item: &Item) -> String {
    let text = |text: &str| format!("s:{}:\"{text}\";", text.len());
    match item {
        Item::Null => "N;".to_owned(),
        Item::Bool(yes) => format!("b:{};", u8::from(*yes)),
        Item::Int(n) => format!("i:{n};"),
        Item::Float(n) => format!("d:{n};"),
        Item::Text(value) => text(value),
        Item::List(items) => {
            let parts = items
                .iter()
                .enumerate()
                .map(|(at, item)| format!("i:{at};{}", php(item)));
            format!("a:{}:{{{}}}", items.len(), parts.collect::<String>())
        }
        Item::Map(fields) => {
            let parts = fields.iter().map(|(name, item)| text(name) + &php(item));
            format!("a:{}:{{{}}}", fields.len(), parts.collect::<String>())
        }
    }
}

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn protobuf(fields: &[(&'static str, Item)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, (_, item)) in (1..).zip(fields) {
        protobuf_field(number, item, &mut out);
    }
    out
}

fn protobuf_field(number: u64, item: &Item, out: &mut Vec<u8>) {
    let bytes = |bytes: &[u8], out: &mut Vec<u8>| {
        varint(number << 3 | 2, out);
        varint(bytes.len() as u64, out);
        out.extend(bytes);
    };
    match item {
        // The default of a type is not written.
        Item::Null | Item::Bool(false) | Item::Int(0) => {}
        Item::Bool(true) => out.extend([(number << 3) as u8, 1]),
        Item::Int(n) => {
            varint(number << 3, out);
            varint(n.cast_unsigned(), out);
        }
        Item::Float(n) => {
            varint(number << 3 | 1, out);
            out.extend(n.to_le_bytes());
        }
        Item::Text(text) => bytes(text.as_bytes(), out),
        Item::List(items) => items
            .iter()
            .for_each(|item| protobuf_field(number, item, out)),
        Item::Map(fields) => bytes(&protobuf(fields), out),
    }
}

/// Writes as Python's pickler does.
struct Pickler {
    protocol: u8,
    memo: u32,
    out: Vec<u8>,
}

impl Pickler {
    fn dump(protocol: u8, item: &Item) -> Vec<u8> {
        let mut body = Self {
            protocol,
            memo: 0,
            out: Vec::new(),
        };
        body.save(item);
        body.out.push(b'.');
        match protocol {
            0 | 1 => body.out,
            2 | 3 => [&[0x80, protocol], body.out.as_slice()].concat(),
            _ => {
                let frame = (body.out.len() as u64).to_le_bytes();
                [&[0x80, protocol, 0x95], &frame[..], &body.out].concat()
            }
        }
    }

    fn put(&mut self) {
        match self.protocol {
            0 => self.out.extend(format!("p{}\n", self.memo).bytes()),
            1..=3 => self.out.extend([b'q', self.memo as u8]),
            _ => self.out.push(0x94),
        }
        self.memo += 1;
    }

    fn text(&mut self, text: &str) {
        match self.protocol {
            0 => {
                self.out.push(b'V');
                for c in text.chars() {
                    match c as u32 {
                        n @ 0..=0xff => self.out.push(n as u8),
                        n => self.out.extend(format!("\\u{n:04x}").bytes()),
                    }
                }
                self.out.push(b'\n');
            }
            1..=3 => {
                self.out.push(b'X');
                self.out.extend((text.len() as u32).to_le_bytes());
                self.out.extend(text.bytes());
            }
            _ => {
                self.out.extend([0x8c, text.len() as u8]);
                self.out.extend(text.bytes());
            }
        }
        self.put();
    }

    fn int(&mut self, n: i64) {
        match n {
            n if self.protocol == 0 => self.out.extend(format!("I{n}\n").bytes()),
            0..=0xff => self.out.extend([b'K', n as u8]),
            0x100..=0xffff => {
                self.out.push(b'M');
                self.out.extend((n as u16).to_le_bytes());
            }
            n if i32::try_from(n).is_ok() => {
                self.out.push(b'J');
                self.out.extend((n as i32).to_le_bytes());
            }
            n if self.protocol == 1 => self.out.extend(format!("L{n}L\n").bytes()),
            n => {
                self.out.extend([0x8a, 8]);
                self.out.extend(n.to_le_bytes());
            }
        }
    }

    fn save(&mut self, item: &Item) {
        match item {
            Item::Null => self.out.push(b'N'),
            Item::Bool(yes) if self.protocol < 2 => {
                self.out.extend(format!("I0{}\n", u8::from(*yes)).bytes());
            }
            Item::Bool(yes) => self.out.push(if *yes { 0x88 } else { 0x89 }),
            Item::Int(n) => self.int(*n),
            Item::Float(n) if self.protocol == 0 => self.out.extend(format!("F{n:?}\n").bytes()),
            Item::Float(n) => {
                self.out.push(b'G');
                self.out.extend(n.to_be_bytes());
            }
            Item::Text(text) => self.text(text),
            Item::List(items) => {
                self.out
                    .extend(if self.protocol == 0 { &b"(l"[..] } else { b"]" });
                self.put();
                self.batch(items.len(), b'a', b'e', |this| {
                    for item in items {
                        this.save(item);
                        if this.protocol == 0 {
                            this.out.push(b'a');
                        }
                    }
                });
            }
            Item::Map(fields) => {
                self.out
                    .extend(if self.protocol == 0 { &b"(d"[..] } else { b"}" });
                self.put();
                self.batch(fields.len(), b's', b'u', |this| {
                    for (name, item) in fields {
                        this.text(name);
                        this.save(item);
                        if this.protocol == 0 {
                            this.out.push(b's');
                        }
                    }
                });
            }
        }
    }

    /// Items between a mark and the opcode that takes them, or a single one.
    fn batch(&mut self, count: usize, one: u8, many: u8, items: impl FnOnce(&mut Self)) {
        if self.protocol == 0 || count == 0 {
            return items(self);
        }
        if count > 1 {
            self.out.push(b'(');
        }
        items(self);
        self.out.push(if count > 1 { many } else { one });
    }
}

fn pickled(random: &mut Random, protocol: u8) -> Vec<u8> {
    Pickler::dump(protocol, &item(random))
}

fn document(random: &mut Random) -> Vec<u8> {
    json(&item(random)).into_bytes()
}

fn java(random: &mut Random) -> Vec<u8> {
    let mut out = vec![0xac, 0xed, 0, 5];
    if random.below(2) == 0 {
        let text = random.words(ENGLISH, 1, 10);
        out.push(0x74);
        out.extend((text.len() as u16).to_be_bytes());
        out.extend(text.bytes());
        return out;
    }
    let class = |out: &mut Vec<u8>, name: &str, serial: u64, field: Option<u8>| {
        out.push(0x72);
        out.extend((name.len() as u16).to_be_bytes());
        out.extend(name.bytes());
        out.extend(serial.to_be_bytes());
        out.extend([2, 0, u8::from(field.is_some())]);
        if let Some(kind) = field {
            out.extend([kind, 0, 5]);
            out.extend(b"value");
        }
        out.push(0x78);
    };
    out.push(0x73);
    class(
        &mut out,
        "java.lang.Long",
        0x3b8b_e490_cc8f_23df,
        Some(b'J'),
    );
    class(&mut out, "java.lang.Number", 0x86ac_951d_0b94_e08b, None);
    out.push(0x70);
    out.extend(small(random).to_be_bytes());
    out
}

fn rows(random: &mut Random) -> Vec<u8> {
    use ::arrow::array::{ArrayRef, Int64Array, RecordBatch};
    let count = random.within(1, 20);
    let numbers: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(
        (0..count).map(|_| small(random)),
    ));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let mut stream =
        ::arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    stream.write(&batch).unwrap();
    stream.into_inner().unwrap()
}

fn deflated(random: &mut Random) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(&document(random)).unwrap();
    out.finish().unwrap()
}

/// Cached objects as Python's brotli packs them, of quality 1, 5 and 11: there is no writer of it here.
const BROTLI: &[&str] = &[
    "0b2e807b22757365725f6964223a39373232372c22656d61696c223a2263687269734073686f702e6578616d706c65222c22726f6c6573223a5b5d2c2262616c616e6365223a37383131382e35312c226c6f63616c65223a2264655f4445227d03",
    "1b93000004029b53f9d34facaaabea618c72994e4e804eb7ef60b7b600a82c0b36c6ce4e71c71f07847d79ded142b5250641a5d2d83c379d2054782170cf973692c308ac8460aded3fcc02e289e69c31ca5601d0bda771592ffb01c1f6fb392c23fe68d89d2b651bf2c61657b76ecf1f",
    "1ba7000004225857ea934fdc742c497c532707ecf7d32dc0b02dc9b5a4c5819b8c124176ab417d3940189af588f881a1802808dde110b5a346dd5028ee57a4c0394d172a85e93ac4322dd7d33c85f07b4218a726cb5118ae97b90106e7adf34cd319e7deb26d77304c61cd7f48f1e5babd23c4896af9a68fc26779757d7b23d6bffa03",
    "1b82000044a16da5be7ce609bc045e549d720214650906a065ed72d8183bdbc41dbf3820f4e17a86a444b0561054b284c971920982851708dc8f2b5287c9fd3dbfa04fb02f2239a3a2614a13f0f71c09f3c3b02d4030bd5e16c3663f244469b5f66e1c840c7eaac6f803",
    "1ba000000422d866ea9731fd0444125db5d9e63a39103ec2f1948551c02d96b480f31ce67914e2dd31fb7280d0eb75401c4ba1a122f4cbb19e513c69b53b0ac9f344f212b4752261180681e6f90ab2eb88b0b5759aa130e01f927f39f71b214e54d7301d147ec61bd6eb8df87f8582a66f87f52fff",
    "1ba3000004225857ea934fdc742c497cd30d0e9cc2281ba779b4c5e6d775b7311c8e2b98d86da42f070857b31e91d071fdd0080d859e92d01ffb2822b5ea0d85f471458a0a186d451c2b0c0ccdf415acc709619c9a2c4761895f48f1e5babd23c4896a851e0a6fe3b5ebdb1b09fe8aa27a8167d1dd7ff507",
    "1b5d000004fe735bea2fdf2804d84f04288939a6e38285a03338a71b9c0025650996e6b40f1b63679748337d1c10669c13254350887dadc286e0dc18d8cf8d3ac7f3fac5665423da62e510a3117d3962faa88d1f",
    "1bfe000004429a53f9d359bf40891a1a85e84af0f49c030cbd286b511a588491a5b5d3eddbc14d56089939f0d9a08c1c204ce7ef038b725f939407012a19f74ff12d972dd9a3af080b8812dbc3c410aa1d116e75ff2c380aa9572cd634cabc2c1052dd9f188fe779bb43b897c5eb4cf20543434db3f8754d9eea27599079beaf4585ed47ca7f8db15a2f128d038497f39a6fd563e12cc249aa302e728d2678301f67",
    "8b2d807b22757365725f6964223a3332313034332c22656d61696c223a22626f624073686f702e6578616d706c65222c22726f6c6573223a5b5d2c2262616c616e6365223a32343937352e39312c226c6f63616c65223a226a615f4a50227d03",
    "1b57000004fadfdcb4dffc1144417d93b3937b840836d412d418b9c18153186501c5714e0f1b637466893b7d1c10669c0b7943508b753fb3c2d1493706775eb4edc1a81785927d763119a5d781b8e6689d1f",
    "1bc20000c4a2b5a53ef94c37bd0125888b4e4e35d0046f1046598ba238a7b880f31ce67914e2dd31fbe200810ed7339071ce4666a8a911c68743915045f30e86f0750575fb1067272899a482b09641799d83303f0c3b151836fc0375bfb86eef209415cfc66930bc8d37ae6f6f90f9330a869814d76862f019fefd3f",
    "1b88000004029857ea9727a7e5a575800f3ae50428ca126ccb72faf176d8183b3bc51dbf1c103a1b6a3c4b1128e41ef57616be1da4ea42407cbef022cafbbb39115888e62411a05cf134c7503449d50528ee068fb1c8821081ea3adbacdc0f8fd66aabd6b62b4bab54d32e15fe",
];

/// Values of each format, by the chain that they are shown as.
pub(super) const FORMATS: &[(&str, Make)] = &[
    ("JSON", document),
    ("MessagePack", |r| {
        let mut out = Vec::new();
        message_pack(&item(r), &mut out);
        out
    }),
    ("CBOR", |r| {
        let mut out = Vec::new();
        cbor(&item(r), &mut out);
        out
    }),
    ("BSON", |r| match item(r) {
        Item::Map(fields) => bson(&named_fields(&fields)),
        _ => Vec::new(),
    }),
    ("PHP", |r| php(&item(r)).into_bytes()),
    ("protobuf", |r| match item(r) {
        Item::Map(fields) => protobuf(&fields),
        _ => Vec::new(),
    }),
    ("Java", java),
    ("Arrow", rows),
    ("pickle", |r| {
        let protocol = r.below(6) as u8;
        pickled(r, protocol)
    }),
    ("gzip, JSON", |r| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(&document(r)).unwrap();
        out.finish().unwrap()
    }),
    ("zlib, pickle", |r| {
        let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        let protocol = r.within(2, 5) as u8;
        out.write_all(&pickled(r, protocol)).unwrap();
        out.finish().unwrap()
    }),
    ("deflate, JSON", deflated),
    ("brotli, JSON", |r| super::bytes(r.of(BROTLI))),
    ("zstd, JSON", |r| {
        ::zstd::encode_all(&document(r)[..], 3).unwrap()
    }),
    ("lz4, JSON", |r| {
        let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
        out.write_all(&document(r)).unwrap();
        out.finish().unwrap()
    }),
    ("snappy, JSON", |r| {
        let document = document(r);
        if r.below(2) == 0 {
            return snap::raw::Encoder::new().compress_vec(&document).unwrap();
        }
        let mut out = snap::write::FrameEncoder::new(Vec::new());
        out.write_all(&document).unwrap();
        out.into_inner().unwrap()
    }),
];
