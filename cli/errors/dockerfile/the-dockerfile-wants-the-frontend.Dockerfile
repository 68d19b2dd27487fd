# syntax=me/mine
FROM scratch
