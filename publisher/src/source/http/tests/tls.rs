//! Cameras with certificates of their own.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::{camera::*, *};
use crate::source::passthrough::samples;

/// A camera that signed its own certificate and gives one picture per connection.
async fn camera() -> Camera {
    let own = rcgen::generate_simple_self_signed(vec!["camera.local".into()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let jpeg = samples::jpeg(32, 32);
    Camera::raw(move |stream, _| {
        let (acceptor, jpeg) = (acceptor.clone(), jpeg.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else {
                    return;
                };
                head.push(byte);
            }
            let answer = response(
                "200 OK",
                "Content-Type: image/jpeg\r\nConnection: close\r\n",
                &jpeg,
            );
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_and_the_way_out_named() {
    let camera = camera().await;
    let error = error_of(&source(&format!("https://127.0.0.1:{}/", camera.port))).await;
    assert!(matches!(error, Error::Open { .. }));
    let error = error.to_string();
    assert!(error.contains("certificate"), "{error}");
    assert!(error.contains("add #insecure=true"), "{error}");
}

#[tokio::test]
async fn any_certificate_is_accepted_on_request() {
    let camera = camera().await;
    let url = format!("https://127.0.0.1:{}/#insecure=true&fps=50", camera.port);
    assert_eq!(pictures_of(&source(&url), 2).await.len(), 2);
}

#[tokio::test]
async fn a_camera_without_encryption_is_named() {
    let camera = Camera::new(|_| picture(b"")).await;
    let patience = Patience {
        connect: SHORT,
        ..PATIENT
    };
    let url = format!("https://127.0.0.1:{}/", camera.port);
    let error = error_of(&with_patience(&url, patience)).await.to_string();
    assert!(
        error.contains("no encrypted connection: no answer within"),
        "{error}"
    );
}
