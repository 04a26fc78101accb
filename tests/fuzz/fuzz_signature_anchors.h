/* Made by make-signatures: the trust anchors of corpus/signature/. */
#define ANCHORS                                                          \
    "-----BEGIN CERTIFICATE-----\n"                                      \
    "MIIBdTCCARugAwIBAgIUHOyZQx8RuQus49/zDh9ThBDbY2IwCgYIKoZIzj0EAwIw\n" \
    "DzENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjUxNjAwMzlaGA8yMTI2MTEwMTE2MDAz\n" \
    "OVowDzENMAsGA1UEAwwEcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCJc\n" \
    "Tg/XsdRFuZ2QGB+LRh7E5ZfdRtsiNhYxjNvKO19TnpH63m7JLjaLzeXkb2Ko7mnz\n" \
    "RiBlcShmlHeApZAaNNujUzBRMB0GA1UdDgQWBBSJPcqH3j9dG8F3DAArwXzgrU1c\n" \
    "gzAfBgNVHSMEGDAWgBSJPcqH3j9dG8F3DAArwXzgrU1cgzAPBgNVHRMBAf8EBTAD\n" \
    "AQH/MAoGCCqGSM49BAMCA0gAMEUCIQCXOwpCBdvMsNl4OuZBgInLRWAZw8XFAMm7\n" \
    "0PFcAInlsAIgDdfjg6NxqjwzOLJ+MXMwtyv1nuuGS4VGip2X0pzYHEg=\n"         \
    "-----END CERTIFICATE-----\n"                                        \
    "-----BEGIN CERTIFICATE-----\n"                                      \
    "MIIDATCCAemgAwIBAgIUXKGSXvrkRyZBmMFpXFOzRr3jJzUwDQYJKoZIhvcNAQEL\n" \
    "BQAwDzENMAsGA1UEAwwEc2VsZjAgFw0yNjExMjUxNjAwMzlaGA8yMTI2MTEwMTE2\n" \
    "MDAzOVowDzENMAsGA1UEAwwEc2VsZjCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC\n" \
    "AQoCggEBANZt/SmcjJmzCrPJaUZ9RDGDc5czBPNGmksN3kcfxVusAHD/xCsZDjfH\n" \
    "OV5JTgZ5z5Jun4X3RpLPzfwP8wPwFgRkn4I3s7KiZecse7aYZN2fqw2SiiWMqBoY\n" \
    "ni1Q8BFJ6pMrCx0D+1iy0UEOvMplrGhwxNiJxkJ869MT+RHZudownhwLsioHMOfe\n" \
    "WwSbUpJqdY8vn0iFZGkXjC/QvCyP4Yz1J89Uq0pEP3CQj0HCN/FPb21TJbhpYH1C\n" \
    "jWAoQvt7JvgK5pPuDW1LuZ4ApiXat6VccL78UiEV0KEgAWX1aQvyNSv2fRu0DmXs\n" \
    "ksHEgskMCSr9sbF76zQlz9xvbZf5Xa0CAwEAAaNTMFEwHQYDVR0OBBYEFCgxPirr\n" \
    "ZJwLVr18hitC605DwrvJMB8GA1UdIwQYMBaAFCgxPirrZJwLVr18hitC605DwrvJ\n" \
    "MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAMowfpU1hmA/o4az\n" \
    "NvJLno683YeuIzxeNdGrNancDZfDoxu/3PE6O/bITCI1CJvY6H9cutkj54IwcQDL\n" \
    "Gh3u4y0YHIkWpget5LRXdDxHXpUT074WH38YwZI7leSj2soeuYHmHn3bcIOf+Cz4\n" \
    "IxGuidgCJWPQz5lHrbaWGX9EQMzcR08rYdSsM3nYY3N3+igAzkMosm5trgrLEj1t\n" \
    "IM5KUW+gyjFgm+gL1An9HVzbAYP6OoP5RB7nloIQ7QzUhBMGd9Prfbk3NFkWEu87\n" \
    "OCwVuUvu5a6q63EsKoabf9pGaMlqr2ZBhBXsdWRtwzJ86ImsyCzsiBNtDVkM+vU3\n" \
    "xMRC5sM=\n"                                                         \
    "-----END CERTIFICATE-----\n"
