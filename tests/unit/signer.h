/* Keys, certificates and signatures to test with, made by the openssl command in a folder of their
   own. */
#ifndef TESTS_UNIT_SIGNER_H
#define TESTS_UNIT_SIGNER_H

#include "policy/base/buf.h"

#include <stdint.h>

/* Runs the commands of signer.c. */
void signer_make(void);
void signer_remove(void);

/* The whole file of that name; buf_free it. */
struct buf signer_file(const char *name);

/* A signature of "signed.xml" by NAME1.pem at one time and by NAME2.pem at another; with
   `generalized` the times are written as GeneralizedTime. */
struct buf signer_sign_at(const char *first, int64_t first_time, const char *second,
                          int64_t second_time, int generalized);

#endif
