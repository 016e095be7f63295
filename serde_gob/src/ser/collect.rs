//! Whole sequences at once: loops that do as little as possible for each element.

use serde::ser::{self, Serialize};

use super::Serializer;
use super::compound::Seq;
use super::sink::{ByteSink, EncodedFloat, EncodedInt, EncodedUint};
use crate::error::{EncodeError, Error, Result};
use crate::shape::{Slot, Tag};
use crate::wire::{MAX_UINT, uint_bytes};

impl<'o> Serializer<'_, 'o> {
    #[inline]
    pub(super) fn collect<I>(self, iter: I) -> Result<()>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        let iter = iter.into_iter();
        let Some(len) = exact_len(&iter) else { return self.collect_elements(iter, None) };
        match self.slot.tag {
            Tag::Bytes => self.collect_bytes(iter, len),
            Tag::Slice => {
                let elem = &self.output.table.node(self.slot.ty).elems[0];
                match elem.tag {
                    Tag::Int => self.collect_numbers(iter, len, EncodedInt),
                    Tag::Uint => self.collect_numbers(iter, len, EncodedUint),
                    Tag::Float => self.collect_numbers(iter, len, EncodedFloat),
                    _ => self.collect_slice(iter, len, elem),
                }
            }
            _ => self.collect_elements(iter, Some(len)),
        }
    }

    #[inline]
    fn collect_elements<I>(self, iter: I, len: Option<usize>) -> Result<()>
    where
        I: Iterator,
        I::Item: Serialize,
    {
        let mut seq = Seq::begin(self, len)?;
        for item in iter {
            seq.element(&item)?;
        }
        seq.finish()
    }

    #[inline]
    fn collect_slice<I>(mut self, mut iter: I, len: usize, elem: &'o Slot) -> Result<()>
    where
        I: Iterator,
        I::Item: Serialize,
    {
        if len == 0 && self.slot.is_field() {
            return check_count(0, 0, &mut iter);
        }
        self.output.enter()?;
        self.scalar(len as u64);
        let mut written = 0;
        for item in iter {
            written += 1;
            item.serialize(Serializer::new(self.output, elem))?;
        }
        self.output.leave();
        check_count(len, written, &mut std::iter::empty::<()>())
    }

    /// What makes a plain `Vec<u8>` bearable.
    #[inline]
    fn collect_bytes<I>(mut self, mut iter: I, len: usize) -> Result<()>
    where
        I: Iterator,
        I::Item: Serialize,
    {
        if len == 0 && self.slot.is_field() {
            return Ok(());
        }
        self.scalar(len as u64);
        let start = self.output.out.len();
        self.output.out.resize(start + len, 0);
        let mut written = 0;
        for byte in &mut self.output.out[start..] {
            let Some(item) = iter.next() else { break };
            *byte = item.serialize(ByteSink)?;
            written += 1;
        }
        check_count(len, written, &mut iter)
    }

    /// Gathers the encoded numbers on the stack: appending each to the output costs as much as encoding it.
    #[inline]
    fn collect_numbers<I, S>(mut self, iter: I, len: usize, sink: S) -> Result<()>
    where
        I: Iterator,
        I::Item: Serialize,
        S: ser::Serializer<Ok = u64, Error = Error> + Copy,
    {
        const CHUNK: usize = 512;
        if len == 0 && self.slot.is_field() {
            return Ok(());
        }
        self.scalar(len as u64);
        let mut chunk = [0; CHUNK + MAX_UINT];
        let (mut filled, mut written) = (0, 0);
        let mut iter = iter.fuse();
        for item in iter.by_ref().take(len) {
            let (bytes, width) = uint_bytes(item.serialize(sink)?);
            chunk[filled..filled + MAX_UINT].copy_from_slice(&bytes);
            filled += width;
            written += 1;
            if filled >= CHUNK {
                self.output.out.extend_from_slice(&chunk[..filled]);
                filled = 0;
            }
        }
        self.output.out.extend_from_slice(&chunk[..filled]);
        check_count(len, written, &mut iter)
    }
}

fn exact_len(iter: &impl Iterator) -> Option<usize> {
    match iter.size_hint() {
        (low, Some(high)) if low == high => Some(low),
        _ => None,
    }
}

/// An iterator may give other than it said.
fn check_count(announced: usize, written: usize, rest: &mut impl Iterator) -> Result<()> {
    if written == announced && rest.next().is_none() {
        return Ok(());
    }
    Err(EncodeError::Count { announced, written }.into())
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use crate::{GobType, Shape, TypeBuilder, from_slice, to_vec};

    #[test]
    fn slices_of_numbers_survive_at_chunk_borders() {
        for len in [0, 1, 56, 57, 63, 64, 65, 511, 512, 513, 2000] {
            let ints: Vec<i64> = (0..len).map(|n| (n - 7) << (n % 60)).collect();
            assert_eq!(from_slice::<Vec<i64>>(&to_vec(&ints).unwrap()).unwrap(), ints);
            let uints: Vec<u64> = (0..len).map(|n| u64::MAX >> (n % 64)).collect();
            assert_eq!(from_slice::<Vec<u64>>(&to_vec(&uints).unwrap()).unwrap(), uints);
            let floats: Vec<f64> = (0..len).map(|n| n as f64 / 3.0).collect();
            assert_eq!(from_slice::<Vec<f64>>(&to_vec(&floats).unwrap()).unwrap(), floats);
            let bytes: Vec<u8> = (0..len).map(|n| n as u8).collect();
            assert_eq!(from_slice::<Vec<u8>>(&to_vec(&bytes).unwrap()).unwrap(), bytes);
        }
    }

    #[derive(Serialize, serde::Deserialize, serde_gob_derive::GobType, Debug, PartialEq)]
    #[gob(int)]
    enum Level {
        Low,
        High,
    }

    #[test]
    fn enums_that_travel_as_integers_are_elements_too() {
        let levels = vec![Level::High, Level::Low];
        assert_eq!(from_slice::<Vec<i64>>(&to_vec(&levels).unwrap()).unwrap(), [1, 0]);
        assert_eq!(from_slice::<Vec<Level>>(&to_vec(&levels).unwrap()).unwrap(), levels);
    }

    /// Says it has two elements.
    struct Liar(usize);

    impl GobType for Liar {
        type Key = Liar;
        fn shape(types: &mut TypeBuilder<'_>) -> Shape {
            let elem = types.add::<i64>();
            Shape::slice(elem)
        }
    }

    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            struct Numbers(usize);
            impl Iterator for Numbers {
                type Item = i64;
                fn next(&mut self) -> Option<i64> {
                    self.0 = self.0.checked_sub(1)?;
                    Some(1)
                }
                fn size_hint(&self) -> (usize, Option<usize>) {
                    (2, Some(2))
                }
            }
            serializer.collect_seq(Numbers(self.0))
        }
    }

    #[test]
    fn an_iterator_that_gives_other_than_it_said_is_found_out() {
        for (len, fits) in [(1, false), (2, true), (3, false)] {
            assert_eq!(to_vec(&Liar(len)).is_ok(), fits, "{len}");
        }
    }
}
