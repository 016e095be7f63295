//! What the system's allocator is to know of a program whose messages are large.

/// Has freed memory stay with this process for the next large message.
///
/// The allocator of glibc takes blocks from 128 KiB on from the kernel and gives them back, and gives back what is free at the end
/// of its heaps, until it learns otherwise: from the largest block that it sees freed, of which it keeps twice as much. With messages of
/// 1 MiB that is too little for what a call needs at a time, and each call takes some 500 page faults, which cost more than the
/// rest of it. This frees one larger block, no page of which was ever touched. Another allocator takes it for nothing else.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_freed_blocks() {
    /// Room for a call with messages of 4 MiB: the one that is sent and the one that arrives, each once more while it is copied.
    const LARGEST: usize = 8 * 1024 * 1024;
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGEST))));
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_freed_blocks() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_mebibyte_get_the_same_memory_again() {
        keep_freed_blocks();
        // Pages that the kernel had to find for this thread so far.
        let page_faults = || -> u64 {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, after_name) = stat.rsplit_once(") ").unwrap();
            after_name.split(' ').nth(7).unwrap().parse().unwrap()
        };
        // What is sent, what arrives, and a copy of each.
        let call = || drop(std::hint::black_box([(); 4].map(|()| vec![1_u8; 1 << 20])));
        call();
        let before = page_faults();
        (0..50).for_each(|_| call());
        let faults = page_faults() - before;
        // 256 pages for each block would be 51,200.
        assert!(faults < 2048, "{faults} page faults");
    }
}
