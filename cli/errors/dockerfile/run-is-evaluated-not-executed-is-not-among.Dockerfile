FROM scratch
RUN mkdir /a && \
    make install
