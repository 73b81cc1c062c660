//! What bytes mean: which decoders fit, one inside the other, and what comes out.
//!
//! Bytes come from anybody. No decoder panics, recurses without bound, or allocates by a length that it was told;
//! what is unpacked is bounded by [`UNPACKED`], what is shown by the limits of [`Tree`].
//!
//! | file | its one question |
//! | --- | --- |
//! | `choose.rs` | which decoder fits? |
//! | `evidence.rs` | how sure is it that bytes are of a format? |
//! | `bound.rs` | how is something unpacked that may be a bomb? |
//! | `reader.rs` | how are hostile bytes read? |
//! | `tree.rs` | how is a nested value kept, flat and bounded? |
//! | `text.rs`, `json.rs`, `bits.rs`, `hyperloglog.rs`, `arrow.rs` | what do plain bytes, JSON, a bitmap, a HyperLogLog, rows look like? |
//! | `gzip.rs`, `zlib.rs`, `deflate.rs`, `magento.rs`, `zstd.rs`, `lz4.rs`, `snappy.rs`, `brotli.rs`, `base64.rs` | what is packed inside? |
//! | `msgpack.rs`, `cbor.rs`, `bson.rs`, `pickle.rs`, `php.rs`, `java.rs`, `protobuf.rs` | what does a value of this format hold? |

mod arrow;
mod base64;
mod bits;
mod bound;
mod brotli;
mod bson;
mod cbor;
mod choose;
mod deflate;
mod evidence;
mod gzip;
mod hyperloglog;
mod java;
mod json;
mod lz4;
mod magento;
mod msgpack;
mod php;
mod pickle;
mod protobuf;
mod reader;
mod snappy;
mod text;
mod tree;
mod zlib;
mod zstd;

use crate::table::Table;

pub use json::json_text;
pub use text::{base64_text, display, hex_dump, hexadecimal};
pub use tree::{Branch, Tree};

use bound::{End, Unpacked};
use reader::Stop;

/// The most bytes that packed bytes are unpacked to, all layers together.
pub const UNPACKED: usize = 16 * 1024 * 1024;

/// The most of what was unpacked that is shown in hexadecimal.
const DUMPED: usize = 1024 * 1024;

/// The most layers that are undone unasked.
const LAYERS: usize = 8;

/// Declares the decoders once: variant, what people call it, what it is.
macro_rules! decoders {
    ($($variant:ident $name:literal $about:literal;)*) => {
        /// A way to read bytes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Decoder {
            $(#[doc = $about] $variant,)*
        }

        impl Decoder {
            /// Every decoder, in the order they are offered.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What people call it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is, in a few words.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }
        }
    };
}

decoders! {
    Text "text" "UTF-8 text as it stands.";
    Json "JSON" "A JSON document.";
    Number "number" "A decimal number.";
    Hex "hex" "Offsets, bytes in hexadecimal, and what of them is ASCII.";
    Bits "bits" "A bitmap: the bits that are set, by SETBIT's offsets.";
    HyperLogLog "HyperLogLog" "The registers of PFADD.";
    Gzip "gzip" "RFC 1952.";
    Zlib "zlib" "RFC 1950.";
    Deflate "deflate" "RFC 1951, without a header.";
    Zstd "zstd" "RFC 8878.";
    Lz4 "lz4" "An LZ4 frame.";
    Snappy "snappy" "Snappy, framed or raw.";
    Brotli "brotli" "RFC 7932.";
    Magento "Magento" "What Magento packs behind gz:, sn:, zs: or l4:.";
    Base64 "base64" "RFC 4648, also the form for URLs.";
    MessagePack "MessagePack" "A MessagePack value.";
    Cbor "CBOR" "RFC 8949.";
    Bson "BSON" "A BSON document.";
    Pickle "pickle" "A Python pickle; its structure alone, nothing is executed.";
    Php "PHP" "What PHP's serialize() writes.";
    Java "Java" "A Java serialization stream: its class, and what needs no class to be read.";
    Protobuf "protobuf" "Protocol Buffers without a schema: field numbers and wire types.";
    Arrow "Arrow" "An Arrow IPC stream.";
}

impl Decoder {
    /// The decoder called `name`, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|decoder| decoder.name().eq_ignore_ascii_case(name))
    }

    /// Whether it yields bytes, which another decoder then reads.
    pub fn unpacks(self) -> bool {
        matches!(
            self,
            Self::Gzip
                | Self::Zlib
                | Self::Deflate
                | Self::Zstd
                | Self::Lz4
                | Self::Snappy
                | Self::Brotli
                | Self::Magento
                | Self::Base64
        )
    }

    fn unpack(self, bytes: &[u8], limit: usize) -> Unpacked {
        match self {
            Self::Gzip => gzip::unpack(bytes, limit),
            Self::Zlib => zlib::unpack(bytes, limit),
            Self::Deflate => deflate::unpack(bytes, limit),
            Self::Zstd => zstd::unpack(bytes, limit),
            Self::Lz4 => lz4::unpack(bytes, limit),
            Self::Snappy => snappy::unpack(bytes, limit),
            Self::Brotli => brotli::unpack(bytes, limit),
            Self::Magento => magento::unpack(bytes, limit),
            Self::Base64 => base64::unpack(bytes, limit),
            _ => Unpacked::damaged("it packs nothing"),
        }
    }

    fn tree(self, bytes: &[u8], whole: bool) -> Result<Tree, Stop> {
        match self {
            Self::Json => json::tree(bytes),
            Self::Bits => Ok(bits::tree(bytes)),
            Self::HyperLogLog => hyperloglog::tree(bytes),
            Self::MessagePack => msgpack::tree(bytes, whole),
            Self::Cbor => cbor::tree(bytes, whole),
            Self::Bson => bson::tree(bytes, whole),
            Self::Pickle => pickle::tree(bytes, whole),
            Self::Php => php::tree(bytes, whole),
            Self::Java => java::tree(bytes, whole),
            Self::Protobuf => protobuf::tree(bytes, whole),
            _ => Err(Stop::damaged(0, "it holds no structure")),
        }
    }
}

/// A layer that was undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// By which decoder.
    pub decoder: Decoder,
    /// Bytes before.
    pub packed: usize,
    /// Bytes after.
    pub unpacked: usize,
}

/// What a decoder shows.
#[derive(Clone, Debug)]
pub enum Content {
    /// Text, of any number of lines.
    Text(String),
    /// A nested value.
    Tree(Tree),
    /// Rows.
    Table(Table),
    /// The bytes are not of the form that was asked for: one sentence.
    Not(String),
}

/// Bytes, decoded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The layers that were undone, the outermost first.
    pub layers: Vec<Layer>,
    /// What the innermost bytes are.
    pub form: Decoder,
    /// The innermost bytes.
    pub bytes: Vec<u8>,
    /// What they show.
    pub content: Content,
    /// What is missing and why, in a sentence each.
    pub notes: Vec<String>,
}

impl Decoded {
    /// "base64, gzip, JSON".
    pub fn chain(&self) -> String {
        let mut names: Vec<_> = self
            .layers
            .iter()
            .map(|layer| layer.decoder.name())
            .collect();
        names.push(self.form.name());
        names.join(", ")
    }

    /// What is shown, as text.
    pub fn text(&self) -> String {
        match &self.content {
            Content::Text(text) => text.clone(),
            Content::Tree(_) if self.form == Decoder::Json => {
                json_text(&self.bytes).unwrap_or_default()
            }
            Content::Tree(tree) => tree.outline(),
            Content::Table(table) => format!("{} rows", table.rows()),
            Content::Not(sentence) => sentence.clone(),
        }
    }
}

/// Decodes bytes: `chosen` first, one inside the other, then by what fits. `whole` tells whether these are all bytes of
/// the value; of a part, what can be read is shown and the rest is told of.
pub fn decode(bytes: &[u8], whole: bool, chosen: &[Decoder]) -> Decoded {
    let mut decoded = Decoded {
        layers: Vec::new(),
        form: Decoder::Hex,
        bytes: bytes.to_vec(),
        content: Content::Text(String::new()),
        notes: Vec::new(),
    };
    let (mut whole, mut room) = (whole, UNPACKED);
    let mut chosen = chosen.iter().copied();
    let mut chosen_last;
    loop {
        let asked = chosen.next();
        chosen_last = asked;
        let decoder = asked.unwrap_or_else(|| choose::fitting(&decoded.bytes, whole));
        // Whoever packs a value nine times wants to keep somebody busy.
        let undone = decoded.layers.len();
        if !decoder.unpacks() || asked.is_none() && undone >= LAYERS {
            decoded.form = if decoder.unpacks() {
                Decoder::Hex
            } else {
                decoder
            };
            break;
        }
        let unpacked = decoder.unpack(&decoded.bytes, room);
        let name = decoder.name();
        match unpacked.end {
            End::Damaged(why) if unpacked.bytes.is_empty() && asked.is_some() => {
                decoded.form = decoder;
                decoded.content = Content::Not(format!("These bytes are not {name}: {why}."));
                return decoded;
            }
            End::Damaged(why) if unpacked.bytes.is_empty() => {
                decoded
                    .notes
                    .push(format!("It begins like {name}, but {why}."));
                break;
            }
            End::Damaged(why) => {
                whole = false;
                decoded.notes.push(format!(
                    "The {name} is damaged: {why}; what stands before that is shown."
                ));
            }
            End::Limit => {
                whole = false;
                decoded.notes.push(format!(
                    "Stopped at {}: {} of {name} hold more than that, perhaps a decompression bomb.",
                    crate::human::bytes(UNPACKED as u64),
                    crate::human::bytes(decoded.bytes.len() as u64),
                ));
            }
            End::Cut => {
                if whole {
                    decoded
                        .notes
                        .push(format!("The {name} is cut off; what came before is shown."));
                }
                whole = false;
            }
            End::Whole => {}
        }
        room = room.saturating_sub(unpacked.bytes.len());
        decoded.layers.push(Layer {
            decoder,
            packed: decoded.bytes.len(),
            unpacked: unpacked.bytes.len(),
        });
        decoded.bytes = unpacked.bytes;
    }
    show(&mut decoded, whole);
    // What looked like a format and is none stands as it is.
    if let Content::Not(why) = &decoded.content
        && chosen_last.is_none()
    {
        decoded.notes.push(why.clone());
        decoded.form = Decoder::Hex;
        show(&mut decoded, whole);
    }
    decoded
}

fn show(decoded: &mut Decoded, whole: bool) {
    let (form, bytes) = (decoded.form, decoded.bytes.as_slice());
    let not = |why: &str| Content::Not(format!("These bytes are not {}{why}.", form.name()));
    decoded.content = match form {
        Decoder::Text | Decoder::Number => match text::text(bytes, whole) {
            Some(text) if form == Decoder::Text || text::is_number(text) => {
                Content::Text(text.to_owned())
            }
            _ => not(""),
        },
        Decoder::Hex => {
            // Five characters a byte: what was unpacked may be a bomb, and nobody reads that much.
            let is_cut = !decoded.layers.is_empty() && bytes.len() > DUMPED;
            let shown = if is_cut { &bytes[..DUMPED] } else { bytes };
            if is_cut {
                decoded.notes.push(format!(
                    "The first {} of {} are shown.",
                    crate::human::bytes(DUMPED as u64),
                    crate::human::bytes(bytes.len() as u64),
                ));
            }
            Content::Text(hex_dump(shown, 0))
        }
        Decoder::Arrow => match arrow::table(bytes) {
            Ok(table) => Content::Table(table),
            Err(why) => not(&format!(": {why}")),
        },
        _ => match form.tree(bytes, whole) {
            Ok(tree) => {
                if let Some(stopped) = &tree.stopped {
                    decoded.notes.push(stopped.clone());
                }
                Content::Tree(tree)
            }
            Err(stop) => not(&format!(": {}", stop.why())),
        },
    };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
