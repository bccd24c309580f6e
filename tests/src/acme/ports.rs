//! Ports that are known before anybody listens on them.
//!
//! They are taken from below those that the system gives away by itself, and each is locked by a file while it is
//! reserved: neither an outgoing connection nor another test can get it between two starts.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Linux gives away 32768 and above.
const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

/// A port that is free on 127.0.0.1, TCP and UDP, and that no other test takes while this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

/// The two that an authority looks at.
#[derive(Debug)]
pub struct Ports {
    pub http: Port,
    pub https: Port,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Port {
    /// # Panics
    /// When none of thousands is free.
    pub fn reserve() -> Self {
        let user = rustix::process::getuid().as_raw();
        let folder = std::env::temp_dir().join(format!("mzt-ports-{user}"));
        std::fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("make {}: {e}", folder.display()));
        for _ in 0..1_000 {
            // Tests are processes of their own: they begin far from each other.
            let step = NEXT.fetch_add(1, Relaxed);
            let place = std::process::id().wrapping_mul(7_919).wrapping_add(step) % COUNT;
            let number = u16::try_from(FIRST + place).expect("the last is below 32768");
            let lock = File::create(folder.join(number.to_string())).expect("make a file for a lock");
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
            let is_free = || TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok();
            if lock.try_lock().is_ok() && is_free() {
                return Self { number, _lock: lock };
            }
        }
        panic!("no port is free between {FIRST} and {}", FIRST + COUNT);
    }

    pub fn number(&self) -> u16 {
        self.number
    }

    /// On 127.0.0.1.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}

impl Ports {
    pub fn reserve() -> Self {
        Self { http: Port::reserve(), https: Port::reserve() }
    }
}
