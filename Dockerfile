# The image of `make image`: static binaries and whom they trust; no shell, no root.
# scripts/image builds them outside and sends a context of its own: this folder is not the context.
FROM scratch
COPY --chown=65532:65532 root/ /
USER 65532:65532
EXPOSE 80 443
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --retries=3 CMD ["/mizan", "healthcheck", "--config", "/etc/mizan/mizan.yml"]
ENTRYPOINT ["/mizan"]
CMD ["run", "--config", "/etc/mizan/mizan.yml"]
