FROM scratch
ADD https://localhost/ /disk/
