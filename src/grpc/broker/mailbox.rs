//! What the other side has told this one and nobody has asked for yet, and who waits for what it has not
//! told yet. Time is an argument.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use go_plugin_proto::ConnInfo;
use tokio::sync::oneshot;

use crate::grpc::io::ConnectionId;

/// How long a message waits for someone to dial it, and how long a dialler waits for a message. Go's.
pub(super) const PAIRING_LIMIT: Duration = Duration::from_secs(5);

/// How many messages may wait to be dialled; what comes beyond that is dropped. Go has no limit but the
/// five seconds. A message is at most [`super::link::MAX_MESSAGE`] long.
const MAX_UNCLAIMED: usize = 1024;

/// Numbers are each host's own: both sides of a message are known by number and host.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// By number, the messages of different hosts.
    unclaimed: HashMap<u32, Vec<Unclaimed>>,
    /// How many there are.
    held: usize,
    /// The numbers of `unclaimed` by age, with some that are gone already.
    order: VecDeque<(u32, Instant)>,
    waiting: HashMap<u32, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Unclaimed {
    from: ConnectionId,
    info: ConnInfo,
    since: Instant,
}

#[derive(Debug)]
struct Waiter {
    /// Whose message it must be, if that is known.
    from: Option<ConnectionId>,
    sender: oneshot::Sender<ConnInfo>,
}

impl Waiter {
    fn takes(&self, from: &ConnectionId) -> bool {
        self.from.as_ref().is_none_or(|wanted| wanted == from)
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It went to a dialler, or waits for one.
    Kept,
    /// One for the same id waits already. Go drops the second too.
    Duplicate,
    /// Too many wait already.
    Overflow,
}

pub(super) enum Claim {
    Ready(ConnInfo),
    /// It has not come yet. Drop the receiver to give up.
    Wait(oneshot::Receiver<ConnInfo>),
}

impl Mailbox {
    pub(super) fn deliver(&mut self, from: &ConnectionId, mut info: ConnInfo, now: Instant) -> Delivery {
        self.expire(now);
        let id = info.service_id;
        self.forget_idle(id);
        while let Some(waiter) = self.waiter(id, from) {
            match waiter.sender.send(info) {
                Ok(()) => {
                    self.forget_idle(id);
                    return Delivery::Kept;
                }
                Err(back) => info = back, // that dialler has given up
            }
        }
        if self.unclaimed.get(&id).is_some_and(|all| all.iter().any(|other| other.from == *from)) {
            return Delivery::Duplicate;
        }
        if self.held >= MAX_UNCLAIMED {
            return Delivery::Overflow;
        }
        self.unclaimed.entry(id).or_default().push(Unclaimed { from: from.clone(), info, since: now });
        self.held += 1;
        self.order.push_back((id, now));
        Delivery::Kept
    }

    /// The dialler that has waited longest for this host's message under `id`.
    fn waiter(&mut self, id: u32, from: &ConnectionId) -> Option<Waiter> {
        let waiting = self.waiting.get_mut(&id)?;
        let at = waiting.iter().position(|waiter| waiter.takes(from))?;
        waiting.remove(at)
    }

    /// What this host said, or whoever said something last if it is not known who has to.
    pub(super) fn claim(&mut self, from: Option<ConnectionId>, id: u32, now: Instant) -> Claim {
        self.expire(now);
        if let Some(all) = self.unclaimed.get_mut(&id) {
            let at = all.iter().rposition(|other| from.as_ref().is_none_or(|from| other.from == *from));
            if let Some(at) = at {
                let found = all.remove(at);
                self.removed(id, 1);
                return Claim::Ready(found.info);
            }
        }
        let (sender, receiver) = oneshot::channel();
        self.forget_idle(id);
        self.waiting.entry(id).or_default().push_back(Waiter { from, sender });
        Claim::Wait(receiver)
    }

    fn removed(&mut self, id: u32, count: usize) {
        self.held -= count;
        if self.unclaimed.get(&id).is_some_and(Vec::is_empty) {
            self.unclaimed.remove(&id);
        }
    }

    /// After a dialler of `id` has given up.
    pub(super) fn forget_idle(&mut self, id: u32) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.retain(|waiter| !waiter.sender.is_closed());
            if waiting.is_empty() {
                self.waiting.remove(&id);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn expire(&mut self, now: Instant) {
        while let Some(&(id, since)) = self.order.front() {
            let all = self.unclaimed.get_mut(&id);
            let current = all.as_ref().is_some_and(|all| all.iter().any(|message| message.since == since));
            if current && now.duration_since(since) < PAIRING_LIMIT {
                return;
            }
            self.order.pop_front();
            if let Some(all) = all.filter(|_| current) {
                let before = all.len();
                all.retain(|message| message.since != since);
                let count = before - all.len();
                self.removed(id, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::io::Flushes;

    fn info(service_id: u32, address: &str) -> ConnInfo {
        ConnInfo { service_id, network: "unix".into(), address: address.into(), knock: None }
    }

    /// One of which there is only one.
    fn host() -> ConnectionId {
        ConnectionId::default()
    }

    fn address(claim: Claim) -> Option<String> {
        match claim {
            Claim::Ready(info) => Some(info.address),
            Claim::Wait(mut receiver) => receiver.try_recv().ok().map(|info| info.address),
        }
    }

    #[test]
    fn a_message_waits_for_its_dialler_and_is_given_out_once() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        assert_eq!(mailbox.deliver(&host(), info(1, "a"), now), Delivery::Kept);
        assert_eq!(address(mailbox.claim(None, 1, now)).as_deref(), Some("a"));
        assert_eq!(address(mailbox.claim(None, 1, now)), None);
    }

    #[test]
    fn a_dialler_waits_for_its_message() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        let Claim::Wait(mut receiver) = mailbox.claim(None, 1, now) else {
            panic!("nothing was delivered yet")
        };
        mailbox.deliver(&host(), info(2, "other"), now);
        mailbox.deliver(&host(), info(1, "a"), now);
        assert_eq!(receiver.try_recv().unwrap().address, "a");
        assert!(mailbox.waiting.is_empty());
    }

    #[test]
    fn a_dialler_that_gave_up_does_not_swallow_the_message() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        drop(mailbox.claim(None, 1, now));
        mailbox.deliver(&host(), info(1, "a"), now);
        assert_eq!(address(mailbox.claim(None, 1, now)).as_deref(), Some("a"));
    }

    #[test]
    fn diallers_of_one_id_are_served_in_turn() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        let (Claim::Wait(mut first), Claim::Wait(mut second)) =
            (mailbox.claim(None, 1, now), mailbox.claim(None, 1, now))
        else {
            panic!("nothing was delivered yet")
        };
        mailbox.deliver(&host(), info(1, "a"), now);
        mailbox.deliver(&host(), info(1, "b"), now);
        assert_eq!(
            (first.try_recv().unwrap().address, second.try_recv().unwrap().address),
            ("a".into(), "b".into())
        );
    }

    #[test]
    fn a_second_message_for_a_full_slot_is_dropped() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        mailbox.deliver(&host(), info(1, "a"), now);
        assert_eq!(mailbox.deliver(&host(), info(1, "b"), now), Delivery::Duplicate);
        assert_eq!(address(mailbox.claim(None, 1, now)).as_deref(), Some("a"));
    }

    #[test]
    fn an_undialled_message_is_forgotten_after_five_seconds() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        mailbox.deliver(&host(), info(1, "a"), now);
        mailbox.deliver(&host(), info(2, "b"), now + PAIRING_LIMIT / 2);
        assert_eq!(address(mailbox.claim(None, 1, now + PAIRING_LIMIT)), None);
        assert_eq!(address(mailbox.claim(None, 2, now + PAIRING_LIMIT)).as_deref(), Some("b"));
    }

    #[test]
    fn an_id_used_again_does_not_inherit_the_age_of_its_first_use() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        mailbox.deliver(&host(), info(1, "a"), now);
        mailbox.claim(None, 1, now);
        mailbox.deliver(&host(), info(1, "b"), now + PAIRING_LIMIT / 2);
        assert_eq!(address(mailbox.claim(None, 1, now + PAIRING_LIMIT)).as_deref(), Some("b"));
    }

    #[test]
    fn a_flood_is_held_to_a_limit_and_gone_after_five_seconds() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        for id in 0..100_000 {
            mailbox.deliver(&host(), info(id, "a"), now);
        }
        assert_eq!(mailbox.deliver(&host(), info(200_000, "a"), now), Delivery::Overflow);
        assert_eq!((mailbox.unclaimed.len(), mailbox.order.len()), (MAX_UNCLAIMED, MAX_UNCLAIMED));
        mailbox.deliver(&host(), info(200_000, "a"), now + PAIRING_LIMIT);
        assert_eq!((mailbox.unclaimed.len(), mailbox.order.len()), (1, 1));
    }

    #[test]
    fn a_flood_of_taken_messages_does_not_grow_the_order() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        for id in 0..100_000 {
            mailbox.deliver(&host(), info(id, "a"), now);
            mailbox.claim(None, id, now);
        }
        assert!(mailbox.order.len() <= 1, "{}", mailbox.order.len());
    }

    #[test]
    fn hosts_use_the_same_numbers_and_are_told_apart() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        let connections = [Flushes::default(), Flushes::default()];
        let [first, second] = [connections[0].connection(), connections[1].connection()];
        let Claim::Wait(mut receiver) = mailbox.claim(Some(second.clone()), 1, now) else {
            panic!("nothing was delivered yet")
        };
        assert_eq!(mailbox.deliver(&first, info(1, "of the first"), now), Delivery::Kept);
        assert!(receiver.try_recv().is_err(), "it is not its own host's");
        assert_eq!(mailbox.deliver(&second, info(1, "of the second"), now), Delivery::Kept);
        assert_eq!(receiver.try_recv().unwrap().address, "of the second");
        assert_eq!(mailbox.deliver(&second, info(1, "its next"), now), Delivery::Kept);
        assert_eq!(mailbox.deliver(&second, info(1, "too much"), now), Delivery::Duplicate);
        assert_eq!(address(mailbox.claim(Some(first.clone()), 1, now)).as_deref(), Some("of the first"));
        assert_eq!(address(mailbox.claim(Some(first), 1, now)), None);
        assert_eq!(address(mailbox.claim(Some(second), 1, now)).as_deref(), Some("its next"));
        assert_eq!((mailbox.unclaimed.len(), mailbox.held), (0, 0));
    }

    #[test]
    fn who_does_not_know_its_host_gets_what_came_last() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        let connections = [Flushes::default(), Flushes::default()];
        for (connection, says) in connections.iter().zip(["a", "b"]) {
            mailbox.deliver(&connection.connection(), info(1, says), now);
        }
        assert_eq!(address(mailbox.claim(None, 1, now)).as_deref(), Some("b"));
        assert_eq!(address(mailbox.claim(None, 1, now)).as_deref(), Some("a"));
        assert_eq!(address(mailbox.claim(None, 1, now)), None);
    }
}
