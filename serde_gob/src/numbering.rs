//! In which order types get their ids.

/// In place of an id: it comes when the parts have theirs.
const UNDERWAY: i32 = -1;

/// Gives ids to a type and all it is made of that have none (0) yet, in the order Go does: a struct before its
/// fields, everything else after its parts. Types are positions in `ids`; `describe` says whether one is a
/// struct and which types it is made of, apart from predefined ones.
pub(crate) fn assign_ids(
    root: usize,
    ids: &mut [i32],
    mut fresh: impl FnMut() -> i32,
    describe: impl Fn(usize) -> (bool, Vec<usize>),
) {
    struct Frame {
        ty: usize,
        is_struct: bool,
        parts: Vec<usize>,
        next: usize,
    }

    // Not recursive: dynamic types may be as deep as a peer likes.
    let mut frames: Vec<Frame> = Vec::new();
    let mut enter = Some(root);
    loop {
        if let Some(ty) = enter.take()
            && ids[ty] == 0
        {
            let (is_struct, parts) = describe(ty);
            ids[ty] = if is_struct { fresh() } else { UNDERWAY };
            frames.push(Frame { ty, is_struct, parts, next: 0 });
        }
        let Some(frame) = frames.last_mut() else { return };
        if let Some(&part) = frame.parts.get(frame.next) {
            frame.next += 1;
            match ids[part] {
                0 => enter = Some(part),
                UNDERWAY if frame.is_struct => ids[part] = fresh(),
                _ => {}
            }
            continue;
        }
        if ids[frame.ty] == UNDERWAY {
            ids[frame.ty] = fresh();
        }
        for &part in &frame.parts {
            if ids[part] == UNDERWAY {
                ids[part] = fresh();
            }
        }
        frames.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers types given as (is a struct, parts), from 64 up.
    fn ids(types: &[(bool, &[usize])]) -> Vec<i32> {
        let mut ids = vec![0; types.len()];
        let mut next = 64;
        let fresh = || {
            next += 1;
            next - 1
        };
        assign_ids(0, &mut ids, fresh, |ty| (types[ty].0, types[ty].1.to_vec()));
        ids
    }

    #[test]
    fn structs_come_before_their_fields_and_others_after_their_parts() {
        // [][]int
        assert_eq!(ids(&[(false, &[1]), (false, &[])]), [65, 64]);
        // struct { A struct{}; B []struct{}; C map[..].. }
        assert_eq!(ids(&[(true, &[1, 2, 3]), (true, &[]), (false, &[1]), (false, &[])]), [64, 65, 66, 67]);
    }

    #[test]
    fn recursive_types_get_one_id_each() {
        // type T []T
        assert_eq!(ids(&[(false, &[0])]), [64]);
        // type List struct { Next *List }
        assert_eq!(ids(&[(true, &[0])]), [64]);
        // type Tree struct { Children []Tree }
        assert_eq!(ids(&[(true, &[1]), (false, &[0])]), [64, 65]);
        // type A []B; type B []A
        assert_eq!(ids(&[(false, &[1]), (false, &[0])]), [65, 64]);
    }
}
