//! stub
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
#[derive(Debug, thiserror::Error)]
#[error("names")]
pub struct NamesError;
pub struct Names;
pub struct Watch(watch::Sender<Arc<Resolved>>);
pub struct Resolved {
    pub addresses: Vec<IpAddr>,
    pub answered: bool,
}
#[derive(PartialEq, Eq)]
pub enum Confirmation {
    Present,
    Absent,
    Unknown,
}
impl Names {
    pub fn new(_: &mizan_config::model::Resolver) -> Result<Arc<Names>, NamesError> {
        Ok(Arc::new(Names))
    }
    pub fn watch(self: &Arc<Self>, _: &str) -> Arc<Watch> {
        Arc::new(Watch(watch::Sender::new(Arc::new(Resolved { addresses: vec![], answered: false }))))
    }
}
impl Watch {
    pub fn current(&self) -> Arc<Resolved> {
        self.0.borrow().clone()
    }
    pub fn subscribe(&self) -> watch::Receiver<Arc<Resolved>> {
        self.0.subscribe()
    }
    pub fn kick(&self) {}
    pub async fn confirm(&self, _: IpAddr, _: Duration) -> Confirmation {
        Confirmation::Present
    }
}
