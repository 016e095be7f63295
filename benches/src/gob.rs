//! Encoding and decoding with an encoder and a decoder that live as long as their stream, as in net/rpc.

use std::hint::black_box;

use anyhow::{Context, Result, bail};
use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;

use crate::{data, options::By};

/// The rows: what is encoded and decoded.
pub const VALUES: [&str; 4] = ["header", "struct20", "bytes1m", "f64x100k"];

/// Those that are also decoded into values that borrow.
pub const BORROWED: [&str; 2] = ["header", "struct20"];

/// One operation, to be repeated: `name` is `gob/VALUE/encode`, `gob/VALUE/decode` or `gob/VALUE/decode/borrowed`.
pub fn operation(name: &str, by: By) -> Result<Box<dyn FnMut()>> {
    let (value, direction) =
        name.strip_prefix("gob/").and_then(|name| name.split_once('/')).context("no such row")?;
    if direction == "decode/borrowed" {
        return match (by, value) {
            (By::Ours, "header") => decoding(&data::header(), |decoder| {
                black_box(decoder.decode::<data::BorrowedHeader<'_>>()?);
                Ok(())
            }),
            (By::Ours, "struct20") => decoding(&data::order(), |decoder| {
                black_box(decoder.decode::<data::BorrowedOrder<'_>>()?);
                Ok(())
            }),
            _ => bail!("nobody does {name}"),
        };
    }
    match (by, value) {
        (By::Ours, "header") => ours(data::header(), direction),
        (By::Ours, "struct20") => ours(data::order(), direction),
        (By::Ours, "bytes1m") => ours(serde_gob::Bytes(data::bytes(1 << 20)), direction),
        (By::Ours, "f64x100k") => ours(data::floats(100_000), direction),
        (By::Gobwire, "header") => gobwire(data::header(), direction),
        (By::Gobwire, "struct20") => gobwire(data::order(), direction),
        (By::Gobwire, "bytes1m") => gobwire(data::bytes(1 << 20), direction),
        (By::Gobwire, "f64x100k") => gobwire(data::floats(100_000), direction),
        _ => bail!("nobody does {name}"),
    }
}

fn ours<T>(value: T, direction: &str) -> Result<Box<dyn FnMut()>>
where
    T: Serialize + DeserializeOwned + GobType + 'static,
{
    if direction == "decode" {
        return decoding(&value, |decoder| {
            black_box(decoder.decode::<T>()?);
            Ok(())
        });
    }
    let (mut encoder, mut out) = (serde_gob::Encoder::new(), Vec::new());
    encoder.encode(&value, &mut out)?;
    Ok(Box::new(move || {
        out.clear();
        encoder.encode(black_box(&value), &mut out).expect("it was encoded before");
        black_box(&out);
    }))
}

/// What `decode` does with a message of `value`, again and again. What it decodes stays within it, since it may borrow.
fn decoding<T>(
    value: &T,
    decode: fn(&mut serde_gob::Decoder) -> serde_gob::Result<()>,
) -> Result<Box<dyn FnMut()>>
where
    T: Serialize + GobType,
{
    let (mut encoder, mut first, mut next) = (serde_gob::Encoder::new(), Vec::new(), Vec::new());
    encoder.encode(value, &mut first)?;
    encoder.encode(value, &mut next)?;
    let mut decoder = serde_gob::Decoder::new();
    decoder.feed(&first);
    decode(&mut decoder)?;
    Ok(Box::new(move || {
        decoder.feed(black_box(&next));
        decode(&mut decoder).expect("it was decoded before");
    }))
}

fn gobwire<T>(value: T, direction: &str) -> Result<Box<dyn FnMut()>>
where
    T: gobwire::Encode + gobwire::Decode + Default + 'static,
{
    let (mut encoder, mut first, mut next) = (gobwire::Encoder::new(), Vec::new(), Vec::new());
    encoder.encode_into(&value, &mut first)?;
    encoder.encode_into(&value, &mut next)?;
    if direction == "encode" {
        return Ok(Box::new(move || {
            next.clear();
            encoder.encode_into(black_box(&value), &mut next).expect("it was encoded before");
            black_box(&next);
        }));
    }
    let mut decoder = gobwire::Decoder::new();
    let feed = |decoder: &mut gobwire::Decoder, mut bytes: &[u8]| {
        while let Some((width, len)) = gobwire::parse_length_prefix(bytes)? {
            decoder.push_message(&bytes[width..width + len])?;
            bytes = &bytes[width + len..];
        }
        Ok::<_, gobwire::Error>(())
    };
    feed(&mut decoder, &first)?;
    decoder.decode::<T>()?;
    Ok(Box::new(move || {
        feed(&mut decoder, black_box(&next)).expect("it was fed before");
        black_box(decoder.decode::<T>().expect("it was decoded before"));
    }))
}
