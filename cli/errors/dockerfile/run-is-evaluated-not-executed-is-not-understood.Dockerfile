FROM scratch
RUN while true; do mkdir /a; done
