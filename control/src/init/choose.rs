//! Which service is meant.

use super::probe::probe;
use super::yaml::Node;

/// What people do not build themselves, by the last part of an image's name.
const INFRASTRUCTURE: [&str; 63] = [
    "adminer",
    "alertmanager",
    "cadvisor",
    "caddy",
    "cassandra",
    "certbot",
    "clickhouse-server",
    "cockroach",
    "consul",
    "couchdb",
    "elasticsearch",
    "envoy",
    "etcd",
    "fluent-bit",
    "fluentd",
    "grafana",
    "haproxy",
    "httpd",
    "influxdb",
    "jaeger",
    "kafka",
    "keycloak",
    "kibana",
    "kong",
    "localstack",
    "logstash",
    "loki",
    "mailhog",
    "mailpit",
    "mariadb",
    "memcached",
    "meilisearch",
    "minio",
    "mizan",
    "mongo",
    "mongo-express",
    "mongodb",
    "mosquitto",
    "mysql",
    "nats",
    "nginx",
    "nginx-unprivileged",
    "opensearch",
    "pgadmin4",
    "pgbouncer",
    "pgvector",
    "phpmyadmin",
    "portainer-ce",
    "postgis",
    "postgres",
    "postgresql",
    "prometheus",
    "promtail",
    "qdrant",
    "rabbitmq",
    "redis",
    "redis-stack",
    "tempo",
    "traefik",
    "valkey",
    "vault",
    "watchtower",
    "zookeeper",
];

/// Organisations whose every image is such a one.
const ORGANISATIONS: [&str; 8] =
    ["bitnami", "certbot", "grafana", "jaegertracing", "otel", "prom", "qdrant", "timescale"];

/// The service's name and itself. An error is a sentence that says what to do.
pub(super) fn choose<'a>(
    services: &'a Node,
    wanted: Option<&'a str>,
    file: &str,
) -> Result<(&'a str, &'a Node), String> {
    let names = || services.entries().iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) = wanted {
        let service = services
            .get(name)
            .ok_or_else(|| format!("{file} has no service `{name}`; it has {}", names()))?;
        return Ok((name, service));
    }
    let able: Vec<_> = services.entries().iter().filter(|(_, service)| is_candidate(service)).collect();
    match able[..] {
        [(name, service)] => Ok((name.as_str(), service)),
        [] => Err(format!(
            "none of the services of {file} looks like one to roll out (an image or `build` of your own, and a port); \
             name it: `mizanctl init SERVICE`; there are {}",
            names()
        )),
        _ => {
            let able: Vec<_> = able.iter().map(|(name, _)| name.as_str()).collect();
            Err(format!(
                "{file} has several services that could be rolled out: {}; name one: `mizanctl init {}`",
                able.join(", "),
                able[0]
            ))
        }
    }
}

fn is_candidate(service: &Node) -> bool {
    let image = service.get("image").and_then(Node::as_str);
    let ours = match image {
        Some(image) => service.get("build").is_some() || !is_infrastructure(image),
        None => service.get("build").is_some(),
    };
    let some = |key| service.get(key).is_some_and(|list| !list.items().is_empty());
    ours && (some("ports") || some("expose") || probe(service).is_some_and(|probe| probe.port.is_some()))
}

fn is_infrastructure(image: &str) -> bool {
    let image = image.split('@').next().unwrap_or_default();
    let mut parts = image.rsplit('/');
    // A variable's default may hold a slash or colon; then it is not known, and so somebody's own.
    let name = parts.next().unwrap_or_default().split(':').next().unwrap_or_default();
    let organisation = parts.next().unwrap_or_default();
    INFRASTRUCTURE.contains(&name) || ORGANISATIONS.contains(&organisation) || name.ends_with("-exporter")
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn chosen(services: &str, wanted: Option<&str>) -> Result<String, String> {
        let services = parse(services).unwrap();
        choose(&services, wanted, "c.yml").map(|(name, _)| name.to_owned())
    }

    #[test]
    fn the_only_service_of_ones_own_that_has_a_port_is_meant() {
        let around = "redis: {image: 'redis:7', ports: ['6379:6379']}\nworker: {image: acme/worker}\nn: {image: 'docker.io/library/nginx@sha256:00', ports: ['80:80']}\nnode: {image: prom/node-exporter, expose: [9100]}\n";
        for api in [
            "api: {build: ., ports: ['3000:3000']}",
            "api: {image: acme/api, expose: [3000]}",
            "api: {image: acme/api, healthcheck: {test: curl http://localhost:3000/}}",
            // Built here, whatever it is called.
            "api: {image: nginx, build: ., ports: ['80:80']}",
        ] {
            assert_eq!(chosen(&format!("{around}{api}\n"), None).as_deref(), Ok("api"), "{api}");
        }
        assert_eq!(chosen(around, Some("redis")).as_deref(), Ok("redis"), "who names it means it");
    }

    #[test]
    fn where_it_is_not_clear_the_services_are_named() {
        let two = "web: {build: ., ports: [80]}\napi: {build: ., ports: [81]}\ndb: {image: postgres, ports: [82]}\n";
        let error = chosen(two, None).unwrap_err();
        assert!(error.contains("rolled out: web, api;") && error.contains("mizanctl init web"), "{error}");
        let error = chosen(two, Some("app")).unwrap_err();
        assert!(error.contains("no service `app`; it has web, api, db"), "{error}");
        let error = chosen("db: {image: postgres, ports: [82]}", None).unwrap_err();
        assert!(error.contains("there are db"), "{error}");
    }
}
