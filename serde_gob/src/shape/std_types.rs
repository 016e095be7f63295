//! The gob types of Rust's own.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroIsize, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroUsize,
};
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

use super::{GobType, Shape, TypeBuilder};

/// Stand-ins for generic types: `TypeId` wants `'static`, the element types need not be.
pub struct SliceKey<T: ?Sized>(PhantomData<fn() -> *const T>);
pub struct ArrayKey<T: ?Sized, const N: usize>(PhantomData<fn() -> *const T>);
pub struct MapKey<K: ?Sized, V: ?Sized>(PhantomData<fn() -> (*const K, *const V)>);
pub struct OptionKey<T: ?Sized>(PhantomData<fn() -> *const T>);

macro_rules! scalars {
    ($($shape:ident: $($ty:ty)*;)*) => {$($(
        impl GobType for $ty {
            type Key = $ty;
            fn shape(_: &mut TypeBuilder<'_>) -> Shape {
                Shape::$shape()
            }
        }
    )*)*};
}

scalars! {
    bool: bool;
    int: i8 i16 i32 i64 isize char NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroIsize;
    uint: u16 u32 u64 usize NonZeroU16 NonZeroU32 NonZeroU64 NonZeroUsize;
    float: f32 f64;
    string: String;
}

impl GobType for str {
    type Key = String;
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::string()
    }
}

macro_rules! bytes {
    ($($ty:ty)*) => {$(
        impl GobType for $ty {
            type Key = $ty;
            fn shape(_: &mut TypeBuilder<'_>) -> Shape {
                Shape::uint()
            }
            fn slice_shape(_: &mut TypeBuilder<'_>) -> Shape {
                Shape::bytes()
            }
        }
    )*};
}

bytes!(u8 NonZeroU8);

/// Go's `struct{}`.
impl GobType for () {
    type Key = ();
    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::structure("", Vec::new())
    }
}

macro_rules! transparent {
    ($($ty:ty)*) => {$(
        impl<T: GobType + ?Sized> GobType for $ty {
            type Key = T::Key;
            fn shape(types: &mut TypeBuilder<'_>) -> Shape {
                T::shape(types)
            }
            fn slice_shape(types: &mut TypeBuilder<'_>) -> Shape {
                T::slice_shape(types)
            }
        }
    )*};
}

transparent!(&T &mut T Box<T> Rc<T> Arc<T> RefCell<T> Mutex<T> RwLock<T>);

impl<T: GobType> GobType for Cell<T> {
    type Key = T::Key;
    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        T::shape(types)
    }
    fn slice_shape(types: &mut TypeBuilder<'_>) -> Shape {
        T::slice_shape(types)
    }
}

impl<T: GobType + ToOwned + ?Sized> GobType for Cow<'_, T> {
    type Key = T::Key;
    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        T::shape(types)
    }
    fn slice_shape(types: &mut TypeBuilder<'_>) -> Shape {
        T::slice_shape(types)
    }
}

/// Go's pointer: the same type. It has a key of its own because a slice of pointers to bytes is not
/// bytes.
impl<T: GobType> GobType for Option<T> {
    type Key = OptionKey<T::Key>;
    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        Shape::same_as(types.add::<T>())
    }
}

macro_rules! slices {
    ($([$($generics:tt)*] $ty:ty;)*) => {$(
        impl<$($generics)*> GobType for $ty {
            type Key = SliceKey<T::Key>;
            fn shape(types: &mut TypeBuilder<'_>) -> Shape {
                T::slice_shape(types)
            }
        }
    )*};
}

slices! {
    [T: GobType] [T];
    [T: GobType] Vec<T>;
    [T: GobType] VecDeque<T>;
    [T: GobType] LinkedList<T>;
    [T: GobType] BTreeSet<T>;
    [T: GobType, S] HashSet<T, S>;
}

impl<T: GobType, const N: usize> GobType for [T; N] {
    type Key = ArrayKey<T::Key, N>;
    fn shape(types: &mut TypeBuilder<'_>) -> Shape {
        let elem = types.add::<T>();
        Shape::array(elem, N)
    }
}

macro_rules! maps {
    ($([$($generics:tt)*] $ty:ty;)*) => {$(
        impl<$($generics)*> GobType for $ty {
            type Key = MapKey<K::Key, V::Key>;
            fn shape(types: &mut TypeBuilder<'_>) -> Shape {
                let key = types.add::<K>();
                let value = types.add::<V>();
                Shape::map(key, value)
            }
        }
    )*};
}

maps! {
    [K: GobType, V: GobType, S] HashMap<K, V, S>;
    [K: GobType, V: GobType] BTreeMap<K, V>;
}

#[cfg(feature = "serde_bytes")]
mod with_serde_bytes {
    use super::{GobType, Shape, SliceKey, TypeBuilder};

    macro_rules! byte_types {
        ($($ty:ty)*) => {$(
            impl GobType for $ty {
                type Key = SliceKey<u8>;
                fn shape(_: &mut TypeBuilder<'_>) -> Shape {
                    Shape::bytes()
                }
            }
        )*};
    }

    byte_types!(serde_bytes::ByteBuf serde_bytes::Bytes);
}
