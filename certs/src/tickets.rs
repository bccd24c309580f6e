//! Session tickets (RFC 8446, 4.6.1; RFC 5077): what a client brings back to resume.
//!
//! Keys are derived from one secret, for a period of wall-clock time and for a context, and never stored: they rotate by
//! themselves, instances that share the secret agree without talking, and a reload keeps them. Who reads a shared file can
//! open every ticket that was sealed by it, and with it what a session of TLS 1.2 carried: it is to be changed from time
//! to time, and never to be backed up.
//!
//! A ticket is the key's name, a random nonce, and the session under AES-256-GCM with the name as associated data.

use crate::client_auth::ClientAuthId;
use crate::digest::sha256;
use crate::{Clock, NoRandomness, new_key};
use arc_swap::ArcSwap;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use rustls::server::ProducesTickets;
use std::fmt;
use std::sync::Arc;

/// The shortest and longest `ticket_key` file, in bytes.
pub(crate) const FILE_SIZES: std::ops::RangeInclusive<usize> = 32..=4096;

/// How long a key encrypts, in seconds. It decrypts for one period more.
const PERIOD: u64 = 8 * 60 * 60;

const NAME_SIZE: usize = 16;
const KEY_SIZE: usize = 32;
const TAG_SIZE: usize = 16;

/// The secret that all keys come from; never printed.
#[derive(Clone)]
pub(crate) struct Tickets {
    secret: Prk,
    origin: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Process,
    /// The digest of the file's contents.
    File([u8; 32]),
}

impl Tickets {
    /// A secret of this process: the last configuration's if it had one, so that a reload keeps sessions.
    pub(crate) fn of_process(last: Option<&Self>) -> Result<Self, NoRandomness> {
        match last {
            Some(last) if last.origin == Origin::Process => Ok(last.clone()),
            _ => Ok(Self { secret: extract(&new_key()?), origin: Origin::Process }),
        }
    }

    /// The contents of a `ticket_key` file; [`FILE_SIZES`] is the caller's to check.
    pub(crate) fn of_file(contents: &[u8]) -> Self {
        Self { secret: extract(contents), origin: Origin::File(sha256(contents)) }
    }

    /// For the sites that ask for the same certificates of clients. A ticket holds who the client proved to be: one of
    /// another context, or from before a change of authorities or revocation lists, is not accepted.
    pub(crate) fn ticketer(&self, context: Option<ClientAuthId>, clock: Clock) -> Arc<Ticketer> {
        let secret = self.secret.clone();
        let now = Ring::derive(&secret, context, period(clock));
        Arc::new(Ticketer { secret, context, clock, ring: ArcSwap::from_pointee(now) })
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match self.origin {
            Origin::Process => "process",
            Origin::File(_) => "file",
        };
        write!(f, "Tickets(*** of {origin})")
    }
}

/// Seals and opens tickets of one context.
pub(crate) struct Ticketer {
    secret: Prk,
    context: Option<ClientAuthId>,
    clock: Clock,
    ring: ArcSwap<Ring>,
}

impl Ticketer {
    fn with_ring<T>(&self, work: impl FnOnce(&Ring) -> T) -> T {
        let ring = self.ring.load();
        let period = period(self.clock);
        if ring.period == period {
            return work(&ring);
        }
        // Once a period. Two threads that come here at once derive the same keys.
        let ring = Arc::new(Ring::derive(&self.secret, self.context, period));
        self.ring.store(ring.clone());
        work(&ring)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        PERIOD as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.with_ring(|ring| ring.current.seal(plain))
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.with_ring(|ring| ring.open(ticket))
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticketer(***)")
    }
}

/// The keys that count in one period.
struct Ring {
    period: u64,
    current: TicketKey,
    previous: TicketKey,
    /// Of instances whose clock is ahead.
    next: TicketKey,
}

impl Ring {
    fn derive(secret: &Prk, context: Option<ClientAuthId>, period: u64) -> Self {
        let key = |period| TicketKey::derive(secret, context, period);
        Self {
            period,
            current: key(period),
            previous: key(period.wrapping_sub(1)),
            next: key(period.wrapping_add(1)),
        }
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, sealed) = ticket.split_at_checked(NAME_SIZE)?;
        // Names are public: every ticket begins with one.
        let key = [&self.current, &self.previous, &self.next].into_iter().find(|key| key.name == name)?;
        key.open(sealed)
    }
}

struct TicketKey {
    name: [u8; NAME_SIZE],
    key: LessSafeKey,
}

impl TicketKey {
    fn derive(secret: &Prk, context: Option<ClientAuthId>, period: u64) -> Self {
        let (label, id): (&[u8], &[u8]) = match &context {
            None => (b"anyone", &[]),
            Some(id) => (b"client ", id.as_bytes()),
        };
        let info = [label, id, &period.to_be_bytes()];
        let mut material = [0; NAME_SIZE + KEY_SIZE];
        secret
            .expand(&info, Material)
            .and_then(|material_of_key| material_of_key.fill(&mut material))
            .expect("HKDF-SHA-256 gives up to 8160 bytes");
        let (name, key) = material.split_at(NAME_SIZE);
        let key = UnboundKey::new(&AES_256_GCM, key).expect("a key of AES-256 has 32 bytes");
        Self { name: name.try_into().expect("split at its size"), key: LessSafeKey::new(key) }
    }

    /// Nonces are random: after 2^32 tickets of a period the odds that one came twice are 2^-33 (NIST SP 800-38D, 8.3).
    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let mut ticket = Vec::with_capacity(NAME_SIZE + NONCE_LEN + plain.len() + TAG_SIZE);
        ticket.extend_from_slice(&self.name);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(plain);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&self.name),
                &mut ticket[NAME_SIZE + NONCE_LEN..],
            )
            .ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    /// `sealed` is what follows the name.
    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        let length = self.key.open_in_place(nonce, Aad::from(&self.name), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

/// The length of what HKDF gives for a key.
struct Material;

impl KeyType for Material {
    fn len(&self) -> usize {
        NAME_SIZE + KEY_SIZE
    }
}

fn extract(secret: &[u8]) -> Prk {
    Salt::new(HKDF_SHA256, b"mizan session tickets 1").extract(secret)
}

fn period(clock: Clock) -> u64 {
    clock() / PERIOD
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    thread_local!(static NOW: Cell<u64> = const { Cell::new(1_800_000_000) });

    fn clock() -> u64 {
        NOW.get()
    }

    fn later(seconds: u64) {
        NOW.set(NOW.get() + seconds);
    }

    fn shared(context: Option<ClientAuthId>) -> Arc<Ticketer> {
        Tickets::of_file(&[7; 32]).ticketer(context, clock)
    }

    #[test]
    fn instances_with_one_file_open_each_others_tickets() {
        let ticket = shared(None).encrypt(b"session").expect("sealed");
        assert_eq!(shared(None).decrypt(&ticket).expect("opened"), b"session");
        assert_eq!(Tickets::of_file(&[8; 32]).ticketer(None, clock).decrypt(&ticket), None);
    }

    #[test]
    fn a_key_outlives_its_period_by_one() {
        let tickets = shared(None);
        let ticket = tickets.encrypt(b"session").expect("sealed");
        later(PERIOD);
        assert!(tickets.decrypt(&ticket).is_some());
        assert_ne!(tickets.encrypt(b"session").expect("sealed")[..NAME_SIZE], ticket[..NAME_SIZE]);
        later(PERIOD);
        assert_eq!(tickets.decrypt(&ticket), None);
    }

    #[test]
    fn an_instance_whose_clock_is_behind_opens_tickets_of_the_next_period() {
        let behind = NOW.get();
        later(PERIOD);
        let ticket = shared(None).encrypt(b"session").expect("sealed");
        NOW.set(behind);
        assert!(shared(None).decrypt(&ticket).is_some());
    }

    #[test]
    fn a_context_does_not_open_anothers_tickets() {
        let ids = [None, Some(ClientAuthId::new([1; 32])), Some(ClientAuthId::new([2; 32]))];
        for (one, id) in ids.iter().enumerate() {
            let ticket = shared(*id).encrypt(b"session").expect("sealed");
            for (other, id) in ids.iter().enumerate() {
                assert_eq!(shared(*id).decrypt(&ticket).is_some(), one == other);
            }
        }
    }

    #[test]
    fn a_reload_keeps_the_secret_of_the_process_and_a_new_process_has_another() {
        let first = Tickets::of_process(None).expect("randomness");
        let ticket = first.ticketer(None, clock).encrypt(b"session").expect("sealed");
        let opens = |tickets: &Tickets| tickets.ticketer(None, clock).decrypt(&ticket).is_some();
        assert!(opens(&Tickets::of_process(Some(&first)).expect("randomness")));
        assert!(!opens(&Tickets::of_process(None).expect("randomness")));
        let file = Tickets::of_file(&[7; 32]);
        assert!(!opens(&Tickets::of_process(Some(&file)).expect("randomness")));
    }

    #[test]
    fn the_same_session_is_never_sealed_the_same() {
        let tickets = shared(None);
        assert_ne!(tickets.encrypt(b"session"), tickets.encrypt(b"session"));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let tickets = Tickets::of_file(&[7; 32]);
        assert_eq!(format!("{tickets:?} {:?}", shared(None)), "Tickets(*** of file) Ticketer(***)");
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_and_what_was_changed_does_not(
            plain in any::<Vec<u8>>(),
            position in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let tickets = shared(None);
            let mut ticket = tickets.encrypt(&plain).expect("sealed");
            prop_assert_eq!(tickets.decrypt(&ticket), Some(plain));
            let at = position.index(ticket.len());
            ticket[at] ^= 1_u8 << bit;
            prop_assert_eq!(tickets.decrypt(&ticket), None);
        }

        #[test]
        fn no_bytes_are_a_surprise(mut ticket in any::<Vec<u8>>(), named in any::<bool>()) {
            let tickets = shared(None);
            if named {
                ticket.splice(..0, tickets.with_ring(|ring| ring.current.name));
            }
            prop_assert_eq!(tickets.decrypt(&ticket), None);
        }
    }
}
