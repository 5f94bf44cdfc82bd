/* What any C compiler may call, and a C library brings where there is one. */
#include <stddef.h>

void *memcpy(void *target, const void *source, size_t size)
{
    for (size_t k = 0; k < size; k++)
        ((unsigned char *)target)[k] = ((const unsigned char *)source)[k];
    return target;
}

void *memset(void *target, int value, size_t size)
{
    for (size_t k = 0; k < size; k++)
        ((unsigned char *)target)[k] = (unsigned char)value;
    return target;
}
