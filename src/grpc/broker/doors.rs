//! Who listens behind one socket that all connections share, and for whom the next one is. Time is an argument.
//!
//! A dialler knocks, waits for the answer, and opens a stream: the stream itself says nothing about whom it is for.
//! So the next stream belongs to the knock that was answered first.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    time::Instant,
};

use tokio::sync::mpsc;

use super::mailbox::PAIRING_LIMIT;
use crate::grpc::io::BoxIo;

/// How many knocks may be held or answered and not followed by a stream. Peers knock one at a time.
const MAX_KNOCKS: usize = 256;

#[derive(Default)]
pub(super) struct Doors {
    listeners: HashMap<u32, mpsc::Sender<BoxIo>>,
    /// Knocks that came before their listener: the other side may be told of an id before we listen for it.
    early: HashMap<u32, Instant>,
    /// Knocks that were answered, oldest first.
    open: VecDeque<(u32, Instant)>,
}

/// What to do about a knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knock {
    /// Answer it: the next stream is for this listener.
    Answer,
    /// Nobody listens yet. The listener answers it, if it comes within five seconds.
    Hold,
    /// Too many knocks without streams.
    Ignore,
}

/// Whom a stream is for.
pub(super) enum Caller {
    /// A listener of the broker.
    Listener(u32, mpsc::Sender<BoxIo>),
    /// A listener that has gone since it was knocked for.
    Gone(u32),
    /// Nobody knocked.
    Unannounced,
}

impl Doors {
    /// Adds a listener. True if a knock for it is to be answered now; none if the id is taken.
    pub(super) fn listen(&mut self, id: u32, streams: mpsc::Sender<BoxIo>, now: Instant) -> Option<bool> {
        self.expire(now);
        let Entry::Vacant(place) = self.listeners.entry(id) else { return None };
        place.insert(streams);
        let knocked = self.early.remove(&id).is_some();
        if knocked {
            self.open.push_back((id, now));
        }
        Some(knocked)
    }

    pub(super) fn unlisten(&mut self, id: u32) {
        self.listeners.remove(&id);
    }

    pub(super) fn knock(&mut self, id: u32, now: Instant) -> Knock {
        self.expire(now);
        if self.open.len() + self.early.len() >= MAX_KNOCKS {
            return Knock::Ignore;
        }
        if self.listeners.contains_key(&id) {
            self.open.push_back((id, now));
            return Knock::Answer;
        }
        self.early.insert(id, now);
        Knock::Hold
    }

    pub(super) fn stream(&mut self, now: Instant) -> Caller {
        self.expire(now);
        match self.open.pop_front() {
            None => Caller::Unannounced,
            Some((id, _)) => match self.listeners.get(&id) {
                Some(streams) => Caller::Listener(id, streams.clone()),
                None => Caller::Gone(id),
            },
        }
    }

    /// A dialler whose knock is older has given up.
    fn expire(&mut self, now: Instant) {
        let fresh = |since: &Instant| now.duration_since(*since) < PAIRING_LIMIT;
        self.early.retain(|_, since| fresh(since));
        while self.open.front().is_some_and(|(_, since)| !fresh(since)) {
            self.open.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> (mpsc::Sender<BoxIo>, mpsc::Receiver<BoxIo>) {
        mpsc::channel(1)
    }

    fn id(caller: Caller) -> Option<u32> {
        match caller {
            Caller::Listener(id, _) => Some(id),
            Caller::Gone(_) | Caller::Unannounced => None,
        }
    }

    #[test]
    fn streams_go_to_the_knocks_in_their_order() {
        let (mut doors, now) = (Doors::default(), Instant::now());
        let (streams, _receiver) = listener();
        assert_eq!(doors.listen(1, streams.clone(), now), Some(false));
        assert_eq!(doors.listen(2, streams, now), Some(false));
        assert_eq!((doors.knock(2, now), doors.knock(1, now)), (Knock::Answer, Knock::Answer));
        assert_eq!((id(doors.stream(now)), id(doors.stream(now))), (Some(2), Some(1)));
        assert!(matches!(doors.stream(now), Caller::Unannounced));
    }

    #[test]
    fn a_knock_waits_for_its_listener() {
        let (mut doors, now) = (Doors::default(), Instant::now());
        let (streams, _receiver) = listener();
        assert_eq!(doors.knock(1, now), Knock::Hold);
        assert!(matches!(doors.stream(now), Caller::Unannounced), "nothing was answered yet");
        assert_eq!(doors.listen(1, streams, now), Some(true));
        assert_eq!(id(doors.stream(now)), Some(1));
    }

    #[test]
    fn a_knock_is_forgotten_with_its_dialler() {
        let (mut doors, now) = (Doors::default(), Instant::now());
        let (streams, _receiver) = listener();
        doors.knock(1, now);
        assert_eq!(doors.listen(1, streams, now + PAIRING_LIMIT), Some(false));
        doors.knock(1, now + PAIRING_LIMIT);
        assert!(matches!(doors.stream(now + 2 * PAIRING_LIMIT), Caller::Unannounced));
    }

    #[test]
    fn an_id_has_one_listener_at_a_time() {
        let (mut doors, now) = (Doors::default(), Instant::now());
        let (streams, _receiver) = listener();
        doors.listen(1, streams.clone(), now);
        assert_eq!(doors.listen(1, streams.clone(), now), None);
        doors.unlisten(1);
        assert_eq!(doors.listen(1, streams, now), Some(false));
    }

    #[test]
    fn b17_a_stream_for_a_listener_that_has_gone_holds_up_nobody() {
        let (mut doors, now) = (Doors::default(), Instant::now());
        let (streams, _receiver) = listener();
        doors.listen(1, streams.clone(), now);
        doors.listen(2, streams, now);
        doors.knock(1, now);
        doors.knock(2, now);
        doors.unlisten(1);
        assert!(matches!(doors.stream(now), Caller::Gone(1)));
        assert_eq!(id(doors.stream(now)), Some(2));
    }

    #[test]
    fn a_flood_of_knocks_is_bounded() {
        let (mut doors, now) = (Doors::default(), Instant::now());
        let (streams, _receiver) = listener();
        doors.listen(1, streams, now);
        for id in 0..100_000 {
            doors.knock(id % 1000, now);
        }
        assert_eq!(doors.open.len() + doors.early.len(), MAX_KNOCKS);
        assert_eq!(doors.knock(1, now + PAIRING_LIMIT), Knock::Answer);
    }
}
