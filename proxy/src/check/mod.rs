//! stub
pub enum Target { Tcp(std::net::SocketAddr), Unix(std::path::PathBuf) }
pub async fn watch_endpoint(_: &mizan_config::model::HealthCheck, _: &Target, _: &str, _f: impl Fn(bool, &str)) {}
