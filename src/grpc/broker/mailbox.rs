//! What the other side has told this one and nobody has asked for yet, and who waits for what it has not
//! told yet. Time is an argument.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use go_plugin_proto::ConnInfo;
use tokio::sync::oneshot;

/// How long a message waits for someone to dial it, and how long a dialler waits for a message. Go's.
pub(super) const PAIRING_LIMIT: Duration = Duration::from_secs(5);

/// How many messages may wait to be dialled; what comes beyond that is dropped. Go has no limit but the
/// five seconds. A message is at most [`super::link::MAX_MESSAGE`] long.
const MAX_UNCLAIMED: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Mailbox {
    unclaimed: HashMap<u32, (ConnInfo, Instant)>,
    /// The ids of `unclaimed` by age, with some that are gone already.
    order: VecDeque<(u32, Instant)>,
    waiting: HashMap<u32, VecDeque<oneshot::Sender<ConnInfo>>>,
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
    pub(super) fn deliver(&mut self, info: ConnInfo, now: Instant) -> Delivery {
        self.expire(now);
        let id = info.service_id;
        let mut info = info;
        if let Some(waiting) = self.waiting.get_mut(&id) {
            while let Some(waiter) = waiting.pop_front() {
                match waiter.send(info) {
                    Ok(()) => {
                        self.forget_idle(id);
                        return Delivery::Kept;
                    }
                    Err(back) => info = back, // that dialler has given up
                }
            }
            self.waiting.remove(&id);
        }
        if self.unclaimed.contains_key(&id) {
            return Delivery::Duplicate;
        }
        if self.unclaimed.len() >= MAX_UNCLAIMED {
            return Delivery::Overflow;
        }
        self.unclaimed.insert(id, (info, now));
        self.order.push_back((id, now));
        Delivery::Kept
    }

    pub(super) fn claim(&mut self, id: u32, now: Instant) -> Claim {
        self.expire(now);
        if let Some((info, _)) = self.unclaimed.remove(&id) {
            return Claim::Ready(info);
        }
        let (sender, receiver) = oneshot::channel();
        self.forget_idle(id);
        self.waiting.entry(id).or_default().push_back(sender);
        Claim::Wait(receiver)
    }

    /// After a dialler of `id` has given up.
    pub(super) fn forget_idle(&mut self, id: u32) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.retain(|waiter| !waiter.is_closed());
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
            let current = self.unclaimed.get(&id).is_some_and(|(_, delivered)| *delivered == since);
            if current && now.duration_since(since) < PAIRING_LIMIT {
                return;
            }
            self.order.pop_front();
            if current {
                self.unclaimed.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(service_id: u32, address: &str) -> ConnInfo {
        ConnInfo { service_id, network: "unix".into(), address: address.into(), knock: None }
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
        assert_eq!(mailbox.deliver(info(1, "a"), now), Delivery::Kept);
        assert_eq!(address(mailbox.claim(1, now)).as_deref(), Some("a"));
        assert_eq!(address(mailbox.claim(1, now)), None);
    }

    #[test]
    fn a_dialler_waits_for_its_message() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        let Claim::Wait(mut receiver) = mailbox.claim(1, now) else { panic!("nothing was delivered yet") };
        mailbox.deliver(info(2, "other"), now);
        mailbox.deliver(info(1, "a"), now);
        assert_eq!(receiver.try_recv().unwrap().address, "a");
        assert!(mailbox.waiting.is_empty());
    }

    #[test]
    fn a_dialler_that_gave_up_does_not_swallow_the_message() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        drop(mailbox.claim(1, now));
        mailbox.deliver(info(1, "a"), now);
        assert_eq!(address(mailbox.claim(1, now)).as_deref(), Some("a"));
    }

    #[test]
    fn diallers_of_one_id_are_served_in_turn() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        let (Claim::Wait(mut first), Claim::Wait(mut second)) =
            (mailbox.claim(1, now), mailbox.claim(1, now))
        else {
            panic!("nothing was delivered yet")
        };
        mailbox.deliver(info(1, "a"), now);
        mailbox.deliver(info(1, "b"), now);
        assert_eq!(
            (first.try_recv().unwrap().address, second.try_recv().unwrap().address),
            ("a".into(), "b".into())
        );
    }

    #[test]
    fn a_second_message_for_a_full_slot_is_dropped() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        mailbox.deliver(info(1, "a"), now);
        assert_eq!(mailbox.deliver(info(1, "b"), now), Delivery::Duplicate);
        assert_eq!(address(mailbox.claim(1, now)).as_deref(), Some("a"));
    }

    #[test]
    fn an_undialled_message_is_forgotten_after_five_seconds() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        mailbox.deliver(info(1, "a"), now);
        mailbox.deliver(info(2, "b"), now + PAIRING_LIMIT / 2);
        assert_eq!(address(mailbox.claim(1, now + PAIRING_LIMIT)), None);
        assert_eq!(address(mailbox.claim(2, now + PAIRING_LIMIT)).as_deref(), Some("b"));
    }

    #[test]
    fn an_id_used_again_does_not_inherit_the_age_of_its_first_use() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        mailbox.deliver(info(1, "a"), now);
        mailbox.claim(1, now);
        mailbox.deliver(info(1, "b"), now + PAIRING_LIMIT / 2);
        assert_eq!(address(mailbox.claim(1, now + PAIRING_LIMIT)).as_deref(), Some("b"));
    }

    #[test]
    fn a_flood_is_held_to_a_limit_and_gone_after_five_seconds() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        for id in 0..100_000 {
            mailbox.deliver(info(id, "a"), now);
        }
        assert_eq!(mailbox.deliver(info(200_000, "a"), now), Delivery::Overflow);
        assert_eq!((mailbox.unclaimed.len(), mailbox.order.len()), (MAX_UNCLAIMED, MAX_UNCLAIMED));
        mailbox.deliver(info(200_000, "a"), now + PAIRING_LIMIT);
        assert_eq!((mailbox.unclaimed.len(), mailbox.order.len()), (1, 1));
    }

    #[test]
    fn a_flood_of_taken_messages_does_not_grow_the_order() {
        let (mut mailbox, now) = (Mailbox::default(), Instant::now());
        for id in 0..100_000 {
            mailbox.deliver(info(id, "a"), now);
            mailbox.claim(id, now);
        }
        assert!(mailbox.order.len() <= 1, "{}", mailbox.order.len());
    }
}
