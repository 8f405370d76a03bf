/* C interface of the emulator: hardware integers in, the firmware's integer score and trigger bits out. */
#ifndef L1AD_EMULATOR_H
#define L1AD_EMULATOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the program that wrote this, and SHA-256 of everything that decides the score (weights, types, scaling). */
const char* l1ad_version(void);
const char* l1ad_digest(void);
/* Name of the network, of its layout, and which of the compiled variants this machine runs. */
const char* l1ad_network(void);
const char* l1ad_layout(void);
const char* l1ad_variant(void);

/* Inputs: number and names of the columns, and the hardware range of each. */
int l1ad_columns(void);
const char* l1ad_column_name(int column);
int32_t l1ad_column_low(int column);
int32_t l1ad_column_high(int column);

/* Thresholds: a bit is set where the score, less what the threshold follows, is at least the value; bit i of the mask is threshold i. */
int l1ad_thresholds(void);
const char* l1ad_threshold_name(int threshold);
int64_t l1ad_threshold_value(int threshold);

/* Value of one unit of the integer score. */
double l1ad_step(void);

/*
 * Score n events: x holds n rows of l1ad_columns() integers; scores and bits take n values each, bits may be null.
 * Gives 0; or 1 when an integer is outside its column's range (nothing that was written is then to be used).
 * threads: 0 for all cores (where built with OpenMP). May be called from any number of threads at once.
 */
int l1ad_score16(const int16_t* x, int64_t n, int64_t* scores, uint64_t* bits, int threads);
int l1ad_score32(const int32_t* x, int64_t n, int64_t* scores, uint64_t* bits, int threads);

#ifdef __cplusplus
}
#endif
#endif
