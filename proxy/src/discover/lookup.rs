//! One lookup of one name in one family: what the system knows itself, then the servers in their order.

use super::exchange::Server;
use super::message::{Family, Question};
use super::servers::Servers;
use mizan_policy::discover::answers::{Answer, Failure, Negative};
use mizan_policy::discover::system;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The next server is asked as well when one has not answered for so long; at most a quarter of the time limit.
const PATIENCE: Duration = Duration::from_millis(250);

/// Of addresses that come from a file.
const FILE_TTL: Duration = Duration::from_secs(5);

pub(super) async fn lookup(servers: &Servers, host: &str, family: Family, limit: Duration) -> Answer {
    if let Some(answer) = system::localhost(host).and_then(|addresses| of_family(&addresses, family)) {
        return answer;
    }
    let Some(question) = Question::new(host, family) else {
        return Answer::Negative(Negative::NoSuchName);
    };
    let servers = match servers {
        Servers::Given(servers) => servers.clone(),
        Servers::System(system) => {
            let files = system.files().await;
            if let Some(answer) = of_family(&files.hosts(host), family) {
                return answer;
            }
            files.servers.clone()
        }
    };
    ask_in_order(&servers, question, limit).await
}

fn of_family(addresses: &[IpAddr], family: Family) -> Option<Answer> {
    let addresses: Vec<_> =
        addresses.iter().copied().filter(|&address| Family::of(address) == family).collect();
    (!addresses.is_empty()).then_some(Answer::Addresses { addresses, ttl: FILE_TTL })
}

/// The first answer that is not a failure. A server that fails or is slow has the next one asked; that NXDOMAIN is an
/// answer is what all resolvers hold: servers of one list know the same.
async fn ask_in_order(servers: &Arc<[Server]>, question: Question, limit: Duration) -> Answer {
    let mut last = Failure::Unreachable;
    if let [only] = &**servers {
        return only.ask(&question, limit).await;
    }
    let question = Arc::new(question);
    let mut asking = JoinSet::new();
    let mut left = 0..servers.len();
    loop {
        let next = left.next();
        if let Some(next) = next {
            let (question, servers) = (question.clone(), servers.clone());
            asking.spawn(async move { servers[next].ask(&question, limit).await });
        }
        let patience = async {
            match next {
                Some(_) if !left.is_empty() => tokio::time::sleep(PATIENCE.min(limit / 4)).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = asking.join_next() => match ended {
                None => return Answer::Failed(last),
                Some(Ok(Answer::Failed(failure))) => last = failure,
                Some(Ok(answer)) => return answer,
                Some(Err(_)) => {}
            },
            () = patience => {}
        }
    }
}
