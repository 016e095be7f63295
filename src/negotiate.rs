//! Which application version, and so which transport, a plugin chooses from what its host offers.

use crate::Protocol;

/// The versions in `PLUGIN_PROTOCOL_VERSIONS`; what is not a number is skipped, as Go does. An absent or empty
/// list is a host from before versions could be negotiated: it offers nothing.
pub(crate) fn offered_versions(list: Option<&str>) -> Vec<u32> {
    list.unwrap_or_default().split(',').filter_map(|item| item.trim().parse().ok()).collect()
}

/// The highest version of the plugin's own that is also offered. Without a common one the lowest, which is the
/// one that the oldest hosts, which send no list, can be expected to know; the host refuses it otherwise.
///
/// `own` is in ascending order. `None` if it is empty.
pub(crate) fn choose(offered: &[u32], own: &[(u32, Protocol)]) -> Option<(u32, Protocol)> {
    own.iter().rev().find(|(version, _)| offered.contains(version)).or(own.first()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Protocol::{Grpc, NetRpc};

    #[test]
    fn the_list_of_versions_is_read_leniently() {
        for (list, expected) in [
            (None, vec![]),
            (Some(""), vec![]),
            (Some("5,6"), vec![5, 6]),
            (Some("6,x,-1,5"), vec![6, 5]),
            (Some("0"), vec![0]),
        ] {
            assert_eq!(offered_versions(list), expected, "{list:?}");
        }
    }

    #[test]
    fn the_highest_common_version_wins_and_the_lowest_is_the_fallback() {
        let own = [(1, NetRpc), (2, NetRpc), (3, Grpc)];
        for (offered, expected) in [
            (&[1, 2, 3][..], (3, Grpc)),
            (&[2, 1][..], (2, NetRpc)),
            (&[3, 9][..], (3, Grpc)),
            (&[9][..], (1, NetRpc)),
            (&[][..], (1, NetRpc)),
        ] {
            assert_eq!(choose(offered, &own), Some(expected), "{offered:?}");
        }
        assert_eq!(choose(&[1], &[]), None);
    }
}
