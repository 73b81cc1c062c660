//! Whatever bytes stand in a chunk: the decoder answers or refuses, and what it answers can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lookaside::cache::payload;
use lookaside::table::Checksum;

// The fuzzer's own hook ends the process at every panic; the decoder catches those of Arrow's reader, and only one that
// comes out of it is a find.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| ())), |bytes: &[u8]| {
    if let Ok((schema, batches)) = payload::read(bytes.to_vec()) {
        let mut checksum = Checksum::new(&schema);
        for batch in &batches {
            checksum.update(batch);
        }
        checksum.finish();
    }
});
