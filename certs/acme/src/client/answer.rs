//! What an authority's answer says beside its JSON, and answers that are not ACME's.

use super::ClientError;
use crate::store::LONGEST_WAIT;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Response, Uri};
use std::time::UNIX_EPOCH;

/// What is asked for again after this, where an authority does not say when.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("21600");
/// As much of an answer that is not ACME's as an error shows.
const SHOWN: usize = 120;

/// Unix seconds; a date, or a number of seconds from now (RFC 9110, 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: i64) -> Option<i64> {
    let value = headers.get(RETRY_AFTER)?;
    match value.to_str().ok()?.trim().parse::<u32>() {
        // Now was cut to whole seconds, and earlier is too early.
        Ok(seconds) => Some(now + 1 + i64::from(seconds)),
        Err(_) => date_of(value),
    }
}

/// The library adds what is there to the time, and there are sums that no time can hold.
fn bound_wait(headers: &mut HeaderMap) {
    let Some(value) = headers.get(RETRY_AFTER) else { return };
    let seconds = retry_after(headers, 0);
    if date_of(value).is_none() && seconds.is_none_or(|seconds| seconds > LONGEST_WAIT) {
        headers.remove(RETRY_AFTER);
    }
}

pub(super) fn date_of(value: &HeaderValue) -> Option<i64> {
    let date = httpdate::parse_http_date(value.to_str().ok()?).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs().cast_signed())
}

/// An answer that is an error and not ACME's (a page of a load balancer, say) is told as one of ACME's, so that its status
/// is not lost.
pub(super) fn in_acmes_words(
    mut answer: Response<Bytes>,
    method: &Method,
    url: &Uri,
) -> Result<Response<Bytes>, ClientError> {
    bound_wait(answer.headers_mut());
    let status = answer.status();
    if status.is_success() {
        if method == Method::GET && !answer.headers().contains_key(RETRY_AFTER) {
            answer.headers_mut().insert(RETRY_AFTER, ASK_AGAIN);
        }
        return Ok(answer);
    }
    let is_problem =
        serde_json::from_slice::<serde_json::Value>(answer.body()).is_ok_and(|body| body.is_object());
    if is_problem && method == Method::POST {
        return Ok(answer);
    }
    let shown = shown(&answer);
    if method != Method::POST {
        return Err(ClientError::Status { url: url.to_string(), status, shown });
    }
    let detail = format!("the authority answered {status}{shown}, which is not ACME");
    let problem = serde_json::json!({ "type": NOT_ACME, "detail": detail, "status": status.as_u16() });
    *answer.body_mut() = Bytes::from(problem.to_string());
    answer.headers_mut().remove(LOCATION);
    Ok(answer)
}

/// The problem type of an answer that was not ACME's.
pub(crate) const NOT_ACME: &str = "about:blank#not-acme";

fn shown(answer: &Response<Bytes>) -> String {
    let kind =
        answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("no content type");
    let text = String::from_utf8_lossy(answer.body());
    let clean: String =
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    let beginning: String = words.chars().take(SHOWN).collect();
    if beginning.is_empty() { format!(" ({kind})") } else { format!(" ({kind}: {beginning})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(status: u16, kind: &str, body: &str) -> Response<Bytes> {
        let built = Response::builder().status(status).header(CONTENT_TYPE, kind);
        built.body(Bytes::from(body.to_owned())).expect("an answer")
    }

    #[test]
    fn a_page_of_a_load_balancer_keeps_its_status() {
        let page = answer(503, "text/html", "<html>\n<b>Service   unavailable</b>");
        let url = Uri::from_static("https://ca.test/order");
        let told = in_acmes_words(page.clone(), &Method::POST, &url).expect("told as ACME's");
        let problem: serde_json::Value = serde_json::from_slice(told.body()).expect("JSON");
        assert_eq!(problem["status"], 503);
        assert_eq!(
            problem["detail"],
            "the authority answered 503 Service Unavailable (text/html: <html> <b>Service unavailable</b>), which is not ACME"
        );
        let error = in_acmes_words(page, &Method::GET, &url).expect_err("no directory");
        assert!(error.to_string().starts_with("https://ca.test/order answered 503"), "{error}");
    }

    #[test]
    fn problems_of_the_authority_go_through_as_they_are() {
        let problem =
            answer(429, "application/problem+json", r#"{"type":"urn:ietf:params:acme:error:rateLimited"}"#);
        let url = Uri::from_static("https://ca.test/order");
        let told = in_acmes_words(problem.clone(), &Method::POST, &url).expect("told");
        assert_eq!(told.body(), problem.body());
    }

    proptest! {
        #[test]
        fn whatever_answers_is_one_problem_or_an_error(
            status in 100_u16..600,
            kind in "[ -~]{0,40}",
            body in any::<Vec<u8>>(),
            posts in any::<bool>(),
        ) {
            let built = Response::builder().status(status).header(CONTENT_TYPE, kind).body(Bytes::from(body));
            let method = if posts { Method::POST } else { Method::GET };
            let url = Uri::from_static("https://ca.test/order");
            let told = in_acmes_words(built.expect("an answer"), &method, &url);
            match told {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => {
                    let problem: serde_json::Value = serde_json::from_slice(answer.body()).expect("JSON");
                    prop_assert!(posts && problem.is_object());
                }
                Err(error) => {
                    prop_assert!(!posts && !error.to_string().chars().any(char::is_control));
                }
            }
        }
    }

    #[test]
    fn a_wait_that_no_time_can_hold_is_not_passed_on() {
        let url = Uri::from_static("https://ca.test/order");
        for (method, status, value, stays) in [
            (Method::POST, 429, "18446744073709551615", false),
            (Method::POST, 200, "18446744073709551615", false),
            (Method::POST, 429, "3600", true),
            (Method::POST, 200, "soon", false),
        ] {
            let mut answer = answer(status, "application/json", "{}");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(value));
            let told = in_acmes_words(answer, &method, &url).expect("told");
            assert_eq!(told.headers().contains_key(RETRY_AFTER), stays, "{status} {value}");
        }
    }

    #[test]
    fn retry_after_is_a_date_or_seconds() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            retry_after(&headers, 1_000)
        };
        assert_eq!(with("120"), Some(1_121));
        assert_eq!(with("Thu, 01 Jan 1970 01:00:00 GMT"), Some(3_600));
        assert_eq!(with("soon"), None);
        assert_eq!(with("-5"), None);
    }
}
